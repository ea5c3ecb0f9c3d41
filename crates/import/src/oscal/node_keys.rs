//! The keys of nodes: the labels as people write them, such as `AC-2(1)`.
//!
//! A label that is no key, that another node has too, or that is the id of another node gives way to the id. So a key
//! does not depend on the order of the file.

use std::collections::{HashMap, HashSet};

use kernel::RecordKey;
use registers::NodeKind;

use super::node::Node;
use crate::shorten;

/// Sets the keys of the nodes. A node without id whose label is shared gets the label nevertheless.
pub(super) fn assign(nodes: &mut [Node]) {
    let mut census = Census::default();
    census.count(nodes);
    census.assign(nodes);
}

#[derive(Default)]
struct Census {
    labels: HashMap<String, usize>,
    ids: HashSet<String>,
}

impl Census {
    fn count(&mut self, nodes: &[Node]) {
        for node in nodes {
            if let Some(label) = label_key(node) {
                *self.labels.entry(label).or_default() += 1;
            }
            self.ids.extend(node.id.clone());
            self.count(&node.children);
        }
    }

    fn assign(&self, nodes: &mut [Node]) {
        for node in nodes {
            let is_unique = |label: &String| {
                self.labels.get(label) == Some(&1) && (!self.ids.contains(label) || node.id.as_ref() == Some(label))
            };
            let id = node.id.as_deref().and_then(shorten::key).map(|key| key.to_string());
            let key = label_key(node).filter(|label| id.is_none() || is_unique(label)).or(id);
            let key = key.or_else(|| shorten::key(node.label.as_deref()?).map(|key| key.to_string()));
            node.key = key.unwrap_or_default();
            self.assign(&mut node.children);
        }
    }
}

/// The key that the label of a node is or contains.
fn label_key(node: &Node) -> Option<String> {
    match &node.label {
        Some(label) => key_in_label(label).map(str::to_owned),
        None if node.kind == NodeKind::Group => prefix_of_children(node).map(str::to_owned),
        None => None,
    }
}

/// The label itself, or the key in brackets at its end: `Account Management (03.01.01)`.
fn key_in_label(label: &str) -> Option<&str> {
    let in_brackets = || label.strip_suffix(')')?.rsplit_once(" (").map(|(_, key)| key);
    [Some(label), in_brackets()].into_iter().flatten().find(|key| RecordKey::parse(key).is_ok())
}

/// The id of a group as the label of its first control writes it: `AC` for the group `ac` with the control `AC-1`.
fn prefix_of_children(group: &Node) -> Option<&str> {
    let id = group.id.as_deref()?;
    let label = group.children.first()?.label.as_deref()?;
    let (prefix, rest) = label.split_at_checked(id.len())?;
    let is_prefix = prefix.eq_ignore_ascii_case(id) && rest.starts_with(|next: char| !next.is_alphanumeric());
    is_prefix.then_some(prefix).filter(|prefix| RecordKey::parse(prefix).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_label_is_the_label_or_stands_in_brackets_at_its_end() {
        for (label, key) in [
            ("AC-2(1)", Some("AC-2(1)")),
            ("Account Management (03.01.01)", Some("03.01.01")),
            ("GOVERN (GV)", Some("GV")),
            ("Article 5", None),
            ("Article (of faith)", None),
            ("é", None),
        ] {
            assert_eq!(key_in_label(label), key, "{label}");
        }
    }
}
