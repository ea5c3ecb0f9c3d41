//! Catalogs: the groups and controls of a framework.

use std::collections::HashMap;

use registers::NodeKind;

use super::{
    MAX_DEPTH, Model,
    catalog_choice::{CatalogFile, GivenCatalog},
    catalog_nodes::NodeRecords,
    edition::{self, Edition, FrameworkOptions},
    node::{Catalog, Node},
    node_keys,
    parameters::Parameters,
    read_model,
    written_nodes::{Combination, WrittenNodes},
};
use crate::{
    document::{Document, no_object},
    object::{Object, kind_of},
    position::{LineIndex, SourcePosition, Unreadable},
};

const FORMAT: &str = "an OSCAL catalog";

/// Reads a catalog: one framework, one version of it, and its groups and controls as nodes.
///
/// # Errors
/// [`Unreadable`] if the file is no OSCAL catalog with a title and a version.
pub fn read(bytes: &[u8], options: &FrameworkOptions) -> Result<Document, Unreadable> {
    let ((), document) = read_model(FORMAT, "catalog", bytes, |model, lines, document| {
        let edition = Edition::read(FORMAT, model, START, options, document)?;
        let catalog = CatalogReader::new(lines, document).read(model);
        let records = NodeRecords::new(&edition, &catalog, model.body.repairs(), options.with_controls, None);
        records.add_to(&mut WrittenNodes::new(Combination::Keep), document);
        Ok(())
    })?;
    Ok(document)
}

/// Reads a catalog from which a profile selects. The paths of its nodes begin with its name.
pub(super) fn read_beside_profile(file: CatalogFile<'_>) -> Result<(GivenCatalog, Document), Unreadable> {
    read_model(FORMAT, "catalog", file.bytes, |model, lines, document| {
        let mut catalog = CatalogReader::new(lines, document).read(model);
        prefix_paths(&mut catalog.nodes, file.name);
        Ok(GivenCatalog {
            name: file.name.to_owned(),
            uuid: model.body.nonblank_text("uuid"),
            title: model.metadata.text("title").unwrap_or_default(),
            reference: edition::reference_of(model.metadata),
            catalog,
        })
    })
}

fn prefix_paths(nodes: &mut [Node], name: &str) {
    for node in nodes {
        node.path = format!("{name}: {}", node.path);
        prefix_paths(&mut node.children, name);
    }
}

/// The position of records that are made of the document as a whole.
pub(super) const START: SourcePosition = SourcePosition { line: 1, column: 1 };

struct CatalogReader<'r, 't> {
    lines: &'r LineIndex<'t>,
    document: &'r mut Document,
    /// The paths of the nodes that have been read, by id.
    paths: HashMap<String, String>,
    parameters: Parameters,
    count: usize,
}

impl<'r, 't> CatalogReader<'r, 't> {
    fn new(lines: &'r LineIndex<'t>, document: &'r mut Document) -> Self {
        Self { lines, document, paths: HashMap::new(), parameters: Parameters::default(), count: 0 }
    }

    fn read(mut self, model: &Model<'_, '_>) -> Catalog {
        self.parameters.read(model.body);
        let mut nodes = self.children(model.body, false, MAX_DEPTH);
        if nodes.is_empty() {
            self.document.warn("the catalog has no groups and no controls that can be imported");
        }
        node_keys::assign(&mut nodes);
        Catalog { nodes, parameters: self.parameters }
    }

    /// Reads the groups and controls in a catalog, a group or a control.
    fn children(&mut self, parent: &Object<'_>, is_control: bool, depth: usize) -> Vec<Node> {
        let lists: &[&str] = if is_control { &["controls"] } else { &["groups", "controls"] };
        let mut nodes = Vec::new();
        for (list, json, path) in parent.elements_of(lists) {
            let position = self.lines.position_of(json.get());
            let kind = match (list, is_control) {
                ("groups", _) => NodeKind::Group,
                (_, false) => NodeKind::Requirement,
                (_, true) => NodeKind::Enhancement,
            };
            if depth == 0 {
                let message = format!("{path} is nested deeper than {MAX_DEPTH} levels; it and its like are left out");
                self.document.fail(position, None, &message);
                break;
            }
            if !self.document.has_room_beside(self.count, position) {
                break;
            }
            let Ok(object) = parent.parse_element(json, path.clone()) else {
                self.document.fail(position, None, &no_object(&path, kind_of(json)));
                continue;
            };
            nodes.extend(self.node(&object, kind, position, depth));
        }
        nodes
    }

    fn node(&mut self, object: &Object<'_>, kind: NodeKind, position: SourcePosition, depth: usize) -> Option<Node> {
        let mut node = Node::read(object, kind, position);
        let Some(name) = node.name() else {
            let message = format!(
                "{} has neither an id nor a label, so it has no key; it and what is in it are left out",
                node.path
            );
            self.document.fail(position, None, &message);
            return None;
        };
        if let Some(earlier) = node.id.as_ref().and_then(|id| self.paths.get(id)) {
            let message = format!("{} has the id of {earlier}; it and what is in it are left out", node.path);
            self.document.fail(position, Some(name), &message);
            return None;
        }
        if let Some(id) = &node.id {
            self.paths.insert(id.clone(), node.path.clone());
        }
        self.count += 1;
        self.parameters.read(object);
        node.children = self.children(object, kind != NodeKind::Group, depth - 1);
        Some(node)
    }
}
