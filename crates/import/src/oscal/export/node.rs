//! A node as a group or a control, without those in it.

use registers::{FrameworkNode, NodeKind};
use serde_json::{Map, Value, json, value::RawValue};

use super::{
    Losses,
    citations::{Citations, withdrawal},
    statement::Statement,
    texts::title,
};
use crate::{
    object::Object,
    oscal::{
        catalog::START, field_rules::NODE_KIND, node::Node, parameters::Parameters, properties::property,
        prose::ProseWriter,
    },
    repairs::Repairs,
};

/// The kind of object that a node is in a catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ObjectKind {
    Group,
    /// A control in the catalog or in a group.
    Control,
    /// A control in a control.
    InControl,
}

impl ObjectKind {
    /// That of a node in the catalog, in a group or, with `in_control`, in a control. A group of OSCAL has groups or
    /// controls, so a group among controls is one of them.
    pub(super) const fn of(kind: NodeKind, in_control: bool, among_controls: bool) -> Self {
        match kind {
            _ if in_control => Self::InControl,
            NodeKind::Group if !among_controls => Self::Group,
            NodeKind::Group | NodeKind::Requirement | NodeKind::Enhancement => Self::Control,
        }
    }

    /// The kind that the node is read as.
    pub(super) const fn node_kind(self) -> NodeKind {
        match self {
            Self::Group => NodeKind::Group,
            Self::Control => NodeKind::Requirement,
            Self::InControl => NodeKind::Enhancement,
        }
    }

    /// The list that the node is in.
    pub(super) const fn list(self) -> &'static str {
        match self {
            Self::Group => "groups",
            Self::Control | Self::InControl => "controls",
        }
    }
}

/// The members of a node, except for its text.
pub(super) fn members(node: &FrameworkNode, id: &str, kind: ObjectKind, losses: &mut Losses) -> Map<String, Value> {
    let mut props = vec![json!({ "name": "label", "value": node.key.as_str() })];
    if kind.node_kind() != node.node_kind {
        props.push(property(NODE_KIND, node.node_kind.name()));
    }
    let members: [(&str, Value); 3] =
        [("id", id.into()), ("title", title::<FrameworkNode>(&node.title, losses).into()), ("props", props.into())];
    members.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
}

/// Adds the text of a node that is not withdrawn, and the references to it and its parts to the citations.
pub(super) fn add_text(
    members: &mut Map<String, Value>,
    node: &FrameworkNode,
    kind: ObjectKind,
    citations: &mut Citations,
    losses: &mut Losses,
) {
    let id = members["id"].as_str().unwrap_or_default().to_owned();
    let text = node.text.as_str();
    let name = if kind == ObjectKind::Group { "overview" } else { "statement" };
    for statement in [Statement::structured, Statement::plain].map(|make| make(text, &id, name)) {
        for (list, values) in [("params", statement.params), ("parts", statement.parts)] {
            if values.is_empty() {
                members.remove(list);
            } else {
                members.insert(list.to_owned(), values.into());
            }
        }
        let read = ReadNode::read(members, kind);
        if read.as_ref().is_some_and(|read| read.text == text) {
            citations.add(&id, node.key.as_str(), read.map(|read| read.node));
            return;
        }
    }
    losses.add(kernel::Kind::FrameworkNode, "text");
    citations.add(&id, node.key.as_str(), None);
}

/// Adds the text of a node that may be withdrawn. Returns whether it is.
pub(super) fn add_withdrawal(
    members: &mut Map<String, Value>,
    node: &FrameworkNode,
    kind: ObjectKind,
    citations: &Citations,
) -> bool {
    let Some(reason) = withdrawal(node.text.as_str()).filter(|_| kind != ObjectKind::Group) else { return false };
    if let Some(links) = citations.links(reason) {
        members.insert("links".to_owned(), links.into());
    } else {
        let id = members["id"].as_str().unwrap_or_default();
        let Statement { parts, .. } = Statement::plain(reason, id, "statement");
        if !parts.is_empty() {
            members.insert("parts".to_owned(), parts.into());
        }
        if ReadNode::read(members, kind).is_none_or(|read| read.text != reason) {
            members.remove("parts");
            return false;
        }
    }
    let status = json!({ "name": "status", "value": "withdrawn" });
    if let Some(Value::Array(props)) = members.get_mut("props") {
        props.push(status);
    }
    true
}

/// A node as an import reads it.
struct ReadNode {
    node: Node,
    text: String,
}

impl ReadNode {
    fn read(members: &Map<String, Value>, kind: ObjectKind) -> Option<Self> {
        let json = RawValue::from_string(serde_json::to_string(members).ok()?).ok()?;
        let repairs = Repairs::default();
        let object = Object::parse(&json, String::new(), &repairs).ok()?;
        let mut parameters = Parameters::default();
        parameters.read(&object);
        let node = Node::read(&object, kind.node_kind(), START);
        let prose = ProseWriter { parameters: &parameters, repairs: &repairs, path: "" };
        let text = prose.description(&prose.write(&node.parts)).unwrap_or_default();
        (repairs.count() == 0).then_some(Self { node, text })
    }
}
