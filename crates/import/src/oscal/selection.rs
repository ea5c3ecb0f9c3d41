//! The controls that a profile selects from catalogs.

use std::collections::{HashMap, HashSet};

use registers::NodeKind;

use super::node::Node;
use crate::{
    document::Document,
    object::Object,
    position::{LineIndex, SourcePosition},
};

/// The maximum number of patterns of a clause.
const MAX_PATTERNS: usize = 100;

/// The maximum length of a pattern in bytes.
const MAX_PATTERN_LENGTH: usize = 200;

/// The controls of catalogs by id, with the ids of the controls in them.
pub(super) struct SelectableControls<'c> {
    children: HashMap<&'c str, Vec<&'c str>>,
    /// The ids in the order of the catalogs.
    order: Vec<&'c str>,
}

impl<'c> SelectableControls<'c> {
    pub(super) fn new(nodes: &'c [Node]) -> Self {
        let mut controls = Self { children: HashMap::new(), order: Vec::new() };
        controls.add(nodes);
        controls
    }

    fn add(&mut self, nodes: &'c [Node]) {
        for node in nodes {
            if let Some(id) = node.id.as_deref().filter(|_| node.kind != NodeKind::Group) {
                self.children.insert(id, node.children.iter().filter_map(|child| child.id.as_deref()).collect());
                self.order.push(id);
            }
            self.add(&node.children);
        }
    }

    /// Adds a control, and the controls in it if asked to.
    fn select(&self, id: &'c str, with_children: bool, selected: &mut HashSet<&'c str>) {
        selected.insert(id);
        for child in self.children.get(id).into_iter().flatten().filter(|_| with_children) {
            self.select(child, true, selected);
        }
    }
}

/// The controls that a profile selects, each with the position at which it does.
#[derive(Default)]
pub(super) struct Selection {
    pub(super) positions: HashMap<String, SourcePosition>,
}

impl Selection {
    /// Adds what one `imports` of a profile selects.
    pub(super) fn add_import(
        &mut self,
        import: &Object<'_>,
        position: SourcePosition,
        controls: &SelectableControls<'_>,
        lines: &LineIndex<'_>,
        document: &mut Document,
    ) {
        let takes_all = import.has("include-all") || !import.has("include-controls");
        let mut selected: HashMap<&str, SourcePosition> = HashMap::new();
        if takes_all {
            selected.extend(controls.order.iter().map(|id| (*id, position)));
        }
        let mut clauses: Vec<_> = import.elements_of(&["include-controls", "exclude-controls"]);
        // What is excluded is excluded wherever the file says so.
        clauses.sort_by_key(|(list, ..)| *list == "exclude-controls");
        for (list, json, path) in clauses {
            let Some(clause) = import.element(json, path) else { continue };
            let chosen = chosen_by(&clause, controls, lines, document);
            for (id, position) in chosen {
                if list == "include-controls" {
                    selected.entry(id).or_insert(position);
                } else {
                    selected.remove(id);
                }
            }
        }
        for (id, position) in selected {
            self.positions.entry(id.to_owned()).or_insert(position);
        }
    }

    /// Returns the selected nodes. Controls whose parent is not selected take the parent's level; groups without selected
    /// controls are left out.
    pub(super) fn retain(&self, nodes: Vec<Node>) -> Vec<Node> {
        let mut retained = Vec::new();
        for mut node in nodes {
            let children = self.retain(std::mem::take(&mut node.children));
            let position = node.id.as_ref().and_then(|id| self.positions.get(id)).copied();
            match (node.kind, position) {
                (NodeKind::Group, _) if !children.is_empty() => retained.push(Node { children, ..node }),
                (NodeKind::Group, _) => {}
                (_, Some(position)) => retained.push(Node { children, position, ..node }),
                (_, None) => retained.extend(children),
            }
        }
        retained
    }
}

/// The controls that a clause names, with the positions of their names.
fn chosen_by<'c>(
    clause: &Object<'_>,
    controls: &SelectableControls<'c>,
    lines: &LineIndex<'_>,
    document: &mut Document,
) -> Vec<(&'c str, SourcePosition)> {
    let with_children = clause.text("with-child-controls").as_deref() == Some("yes");
    let mut chosen = Vec::new();
    let mut choose = |id, position| {
        let mut selected = HashSet::new();
        controls.select(id, with_children, &mut selected);
        chosen.extend(selected.into_iter().map(|id| (id, position)));
    };
    let mut named = HashSet::new();
    for ((json, path), id) in clause.elements("with-ids").into_iter().zip(clause.texts_of_list("with-ids")) {
        let position = lines.position_of(json.get());
        match controls.children.get_key_value(id.as_str()) {
            Some((id, _)) if named.insert(*id) => choose(*id, position),
            Some(_) => {}
            None if id.is_empty() => {}
            None => {
                document.fail(
                    position,
                    Some(&id),
                    &format!("{path} names a control that no catalog beside the profile has"),
                );
            }
        }
    }
    for (index, (json, path)) in clause.elements("matching").into_iter().enumerate() {
        let position = lines.position_of(json.get());
        if index == MAX_PATTERNS {
            document.fail(position, None, &format!("{path} is beyond the {MAX_PATTERNS} patterns that are read"));
            break;
        }
        let pattern = clause.element(json, path.clone()).and_then(|matching| matching.nonblank_text("pattern"));
        let Some(pattern) = pattern.filter(|pattern| pattern.len() <= MAX_PATTERN_LENGTH) else {
            let message = format!("{path} has no pattern of at most {MAX_PATTERN_LENGTH} bytes");
            document.fail(position, None, &message);
            continue;
        };
        for id in controls.order.iter().filter(|id| matches(&pattern, id)) {
            choose(id, position);
        }
    }
    chosen
}

/// Whether the id matches the pattern, in which `*` stands for any characters and `?` for one.
fn matches(pattern: &str, id: &str) -> bool {
    let (pattern, id) = (pattern.as_bytes(), id.as_bytes());
    let (mut at, mut matched) = (0, 0);
    // The star to which to return, with the number of bytes that it takes.
    let mut star: Option<(usize, usize)> = None;
    while matched < id.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, matched));
                at += 1;
            }
            Some(byte) if *byte == b'?' || Some(byte) == id.get(matched) => {
                at += 1;
                matched += 1;
            }
            _ => match star {
                Some((star_at, taken)) => {
                    star = Some((star_at, taken + 1));
                    at = star_at + 1;
                    matched = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_of_a_pattern_stands_for_any_characters_and_a_question_mark_for_one() {
        for (pattern, id, is_match) in [
            ("ac-*", "ac-2.1", true),
            ("ac-?", "ac-2", true),
            ("ac-?", "ac-12", false),
            ("*.1", "ac-2.1", true),
            ("a*c*e", "abcde", true),
            ("a*c*f", "abcde", false),
            ("ac-2", "ac-2", true),
            ("*", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, id), is_match, "{pattern} {id}");
        }
    }
}
