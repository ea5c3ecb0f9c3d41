//! Withdrawn controls, and the references in their texts: `[Withdrawn: Incorporated into AC-2k.]`

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::oscal::{
    catalog_nodes::for_each_part_citation,
    node::{Node, RELATIONS},
};

/// The reason in the text of a withdrawn control.
pub(super) fn withdrawal(text: &str) -> Option<&str> {
    if text == "[Withdrawn.]" {
        return Some("");
    }
    let reason = text.strip_prefix("[Withdrawn: ")?.strip_suffix(".]")?;
    (!reason.ends_with('.') && !reason.is_empty()).then_some(reason)
}

/// The ids of nodes and parts by the references to them, as people write them.
#[derive(Default)]
pub(super) struct Citations(HashMap<String, String>);

impl Citations {
    /// Adds a node and its parts.
    pub(super) fn add(&mut self, id: &str, key: &str, node: Option<Node>) {
        self.0.insert(key.to_owned(), id.to_owned());
        if let Some(node) = node {
            for_each_part_citation(&node.parts, key, &mut |id, citation| {
                self.0.entry(citation.to_owned()).or_insert_with(|| id.to_owned());
            });
        }
    }

    /// The links that a reason consists of; `None` if it has other words.
    pub(super) fn links(&self, reason: &str) -> Option<Vec<Value>> {
        let mut links = Vec::new();
        let mut previous = "";
        for part in reason.split("; ").filter(|_| !reason.is_empty()) {
            let (rel, words) = RELATIONS.iter().find(|(_, words)| part.starts_with(&format!("{words} ")))?;
            // Two parts with one relation would be read as one.
            if previous == *rel {
                return None;
            }
            previous = rel;
            for citation in part[words.len() + 1..].split(", ") {
                links.push(json!({ "href": format!("#{}", self.0.get(citation)?), "rel": rel }));
            }
        }
        (!links.is_empty()).then_some(links)
    }
}
