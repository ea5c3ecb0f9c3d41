//! The groups and controls of a catalog, as a tree.

use registers::NodeKind;

use super::{
    MAX_DEPTH, field_rules::NODE_KIND, members::label, parameters::Parameters, properties::OwnProperties, prose::Part,
};
use crate::{object::Object, position::SourcePosition};

/// The content of a catalog.
#[derive(Default)]
pub(super) struct Catalog {
    pub(super) nodes: Vec<Node>,
    pub(super) parameters: Parameters,
}

/// A group or a control.
pub(super) struct Node {
    /// The kind that the list says which it is in.
    pub(super) kind: NodeKind,
    /// The kind that an export states, if the list does not say it.
    pub(super) stated_kind: Option<NodeKind>,
    pub(super) id: Option<String>,
    pub(super) label: Option<String>,
    pub(super) title: Option<String>,
    /// The key; empty until the keys of all nodes are assigned.
    pub(super) key: String,
    pub(super) position: SourcePosition,
    pub(super) path: String,
    pub(super) parts: Vec<Part>,
    /// The controls and statements that the control went into, if it is withdrawn.
    pub(super) withdrawn: Option<Vec<Successor>>,
    pub(super) children: Vec<Node>,
}

/// The successor of a withdrawn control.
pub(super) struct Successor {
    /// The relation in words: "Incorporated into".
    pub(super) relation: &'static str,
    /// The id of a node or a part, or another reference.
    pub(super) target: String,
}

impl Node {
    /// Reads a node without its children.
    pub(super) fn read(object: &Object<'_>, kind: NodeKind, position: SourcePosition) -> Self {
        let parts =
            if kind == NodeKind::Group { Part::read_all(object, MAX_DEPTH) } else { Part::read_statements(object) };
        Self {
            kind,
            stated_kind: stated_kind(object),
            id: object.nonblank_text("id"),
            label: label(object),
            title: object.nonblank_text("title"),
            key: String::new(),
            position,
            path: object.path().to_owned(),
            parts,
            withdrawn: is_withdrawn(object).then(|| successors(object)),
            children: Vec::new(),
        }
    }

    /// The kind of the record.
    pub(super) fn record_kind(&self) -> NodeKind {
        self.stated_kind.unwrap_or(self.kind)
    }

    /// The id or, without one, the label.
    pub(super) fn name(&self) -> Option<&str> {
        self.id.as_deref().or(self.label.as_deref())
    }
}

fn stated_kind(object: &Object<'_>) -> Option<NodeKind> {
    let properties = OwnProperties::read(object);
    let stated = properties.get(NODE_KIND)?;
    let kind = NodeKind::ALL.iter().copied().find(|kind| kind.name() == stated);
    if kind.is_none() {
        object.repair("props", || format!("has the {NODE_KIND} {stated:?}, which there is not; left out"));
    }
    kind
}

fn is_withdrawn(object: &Object<'_>) -> bool {
    object.present_objects("props").any(|property| {
        property.text("name").as_deref() == Some("status")
            && property.text("value").is_some_and(|value| value.eq_ignore_ascii_case("withdrawn"))
    })
}

/// The relations to successors: of links, and in words.
pub(super) const RELATIONS: [(&str, &str); 2] = [("incorporated-into", "Incorporated into"), ("moved-to", "Moved to")];

fn successors(object: &Object<'_>) -> Vec<Successor> {
    let successor = |link: Object<'_>| {
        let rel = link.text("rel")?;
        let (_, relation) = RELATIONS.into_iter().find(|(name, _)| *name == rel)?;
        let href = link.nonblank_text("href")?;
        Some(Successor { relation, target: href.strip_prefix('#').unwrap_or(&href).to_owned() })
    };
    object.present_objects("links").filter_map(successor).collect()
}
