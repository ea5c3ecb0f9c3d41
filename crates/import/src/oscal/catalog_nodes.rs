//! The records of the nodes of a catalog.

use std::collections::{HashMap, HashSet};

use kernel::Kind;
use registers::NodeKind;
use serde_json::Value;

use super::{
    edition::Edition,
    node::{Catalog, Node, Successor},
    prose::{Part, ProseWriter},
    written_nodes::{Resolution, WrittenNodes},
};
use crate::{
    document::{Document, MAX_DOCUMENT_LENGTH, text},
    document_draft::{DocumentDraft, OnExisting},
    repairs::{Repair, Repairs},
    shorten,
};

/// Makes the records of a catalog's nodes, parents first.
pub(super) struct NodeRecords<'c> {
    edition: &'c Edition,
    catalog: &'c Catalog,
    repairs: &'c Repairs,
    with_controls: bool,
    /// The name of the catalog in the keys of nodes that another catalog has, too.
    name: Option<&'c str>,
    /// The references to nodes and parts as people write them, by id: `AC-2k` for `ac-2_smt.k`.
    citations: HashMap<&'c str, String>,
}

/// The maximum length of all texts in bytes. Parameters that are inserted often make them longer than the file.
const MAX_TEXTS_LENGTH: usize = 2 * MAX_DOCUMENT_LENGTH;

impl<'c> NodeRecords<'c> {
    pub(super) fn new(
        edition: &'c Edition,
        catalog: &'c Catalog,
        repairs: &'c Repairs,
        with_controls: bool,
        name: Option<&'c str>,
    ) -> Self {
        let mut cited = HashSet::new();
        add_cited(&catalog.nodes, &mut cited);
        let mut citations = HashMap::new();
        add_citations(&catalog.nodes, &cited, &mut citations);
        Self { edition, catalog, repairs, with_controls, name, citations }
    }

    /// Adds the nodes behind those that have been written.
    pub(super) fn add_to(&self, written: &mut WrittenNodes, document: &mut Document) {
        written.begin_catalog();
        self.add_nodes(&self.catalog.nodes, None, written, document);
    }

    fn add_nodes(&self, nodes: &'c [Node], parent: Option<&str>, written: &mut WrittenNodes, document: &mut Document) {
        for node in nodes {
            if !document.has_room(node.position) {
                return;
            }
            if written.text_length > MAX_TEXTS_LENGTH {
                let message = format!(
                    "{}: the texts so far have more than {MAX_TEXTS_LENGTH} bytes; it and its like are left out",
                    node.path
                );
                document.fail(node.position, Some(&node.key), &message);
                return;
            }
            let key = match written.resolve(node, self.name) {
                Resolution::Own(key) => {
                    let index = written.next_position(parent);
                    written.text_length += self.add_node(node, &key, parent, index, document);
                    key
                }
                Resolution::Shared => node.key.clone(),
                Resolution::Taken => {
                    let message =
                        format!("{} has the key of an earlier node; it and what is in it are left out", node.path);
                    document.fail(node.position, Some(&node.key), &message);
                    continue;
                }
            };
            self.add_nodes(&node.children, Some(&key), written, document);
        }
    }

    /// Adds a node. Returns the length of its text, in bytes.
    fn add_node(&self, node: &Node, key: &str, parent: Option<&str>, index: usize, document: &mut Document) -> usize {
        let title = node.title.as_deref().and_then(shorten::title).or_else(|| {
            let message = || "has no title; its key is used".to_owned();
            self.repairs.add(|| Repair { path: node.path.clone(), message: message() });
            shorten::title(&node.key)
        });
        let prose = ProseWriter { parameters: &self.catalog.parameters, repairs: self.repairs, path: &node.path };
        let statement = prose.write(&node.parts);
        let node_text = match &node.withdrawn {
            Some(successors) => self.withdrawal(successors, &statement),
            None => statement,
        };
        let node_text = prose.description(&node_text);
        let text_length = node_text.as_ref().map_or(0, String::len);
        let title = title.and_then(text);
        let fields = [
            ("frameworkVersionKey", text(self.edition.reference())),
            ("parentNodeKey", parent.and_then(text)),
            ("nodeKind", text(node.record_kind().name())),
            ("nodeKey", text(key)),
            ("title", title.clone()),
            ("text", node_text.clone().and_then(text)),
            ("position", Some(Value::from(index))),
        ];
        document.add(node.position, DocumentDraft::new(Kind::FrameworkNode, OnExisting::Replace, fields));
        if self.with_controls && node.record_kind() != NodeKind::Group && node.withdrawn.is_none() {
            let control_key = shorten::key(&format!("{}:{}", self.edition.framework_key, key));
            let fields = [
                ("controlKey", control_key.and_then(text)),
                ("title", title),
                ("description", node_text.and_then(text)),
                ("status", text("draft")),
                ("subjectModuleKey", text("frameworks")),
                ("subjectResourceType", text("framework-node")),
                ("subjectResourceId", shorten::reference(key).and_then(text)),
                ("subjectVersionId", shorten::reference(&self.edition.reference()).and_then(text)),
            ];
            document.add(node.position, DocumentDraft::new(Kind::Control, OnExisting::Keep, fields));
        }
        text_length
    }

    /// The text of a withdrawn control, as NIST prints it: `[Withdrawn: Incorporated into AC-2k.]`
    fn withdrawal(&self, successors: &[Successor], statement: &str) -> String {
        let mut reasons: Vec<String> = Vec::new();
        let mut relation = "";
        for successor in successors {
            let target = self.citations.get(successor.target.as_str()).unwrap_or(&successor.target);
            match reasons.last_mut().filter(|_| relation == successor.relation) {
                Some(reason) => *reason += &format!(", {target}"),
                None => reasons.push(format!("{} {target}", successor.relation)),
            }
            relation = successor.relation;
        }
        reasons.extend((!statement.is_empty()).then(|| statement.to_owned()));
        if reasons.is_empty() {
            return "[Withdrawn.]".to_owned();
        }
        let reasons = reasons.join("; ");
        format!("[Withdrawn: {}.]", reasons.trim_end_matches('.'))
    }
}

/// Adds the ids that withdrawn controls name.
fn add_cited<'c>(nodes: &'c [Node], cited: &mut HashSet<&'c str>) {
    for node in nodes {
        cited.extend(node.withdrawn.iter().flatten().map(|successor| successor.target.as_str()));
        add_cited(&node.children, cited);
    }
}

fn add_citations<'c>(nodes: &'c [Node], cited: &HashSet<&str>, citations: &mut HashMap<&'c str, String>) {
    for node in nodes {
        if let Some(id) = node.id.as_deref().filter(|id| cited.contains(id)) {
            citations.insert(id, node.key.clone());
        }
        for_each_part_citation(&node.parts, &node.key, &mut |id, citation| {
            if cited.contains(id) {
                citations.insert(id, citation.to_owned());
            }
        });
        add_citations(&node.children, cited, citations);
    }
}

/// Calls `add` with the id of each part and the reference to it, as people write it. `whole` is that to what it is in.
pub(super) fn for_each_part_citation<'c>(parts: &'c [Part], whole: &str, add: &mut impl FnMut(&'c str, &str)) {
    for part in parts {
        let label = part.label.as_deref().unwrap_or_default();
        let citation = if label.contains(whole) { label.to_owned() } else { format!("{whole}{label}") };
        let citation = citation.trim_end_matches('.');
        if let Some(id) = part.id.as_deref() {
            add(id, citation);
        }
        // Below `a.`, NIST writes the number after the dot: `AC-1a.1`.
        let below = if part.label.is_some() { format!("{citation}.") } else { whole.to_owned() };
        for_each_part_citation(&part.parts, &below, add);
    }
}
