//! The nodes of a version that have been written, of all catalogs from which it is made, and the nodes that these have in
//! common.

use std::collections::{HashMap, hash_map::Entry};

use registers::NodeKind;

use super::node::Node;
use crate::{document::Document, object::Object, shorten};

/// The effect of a control that an earlier catalog has, too (`merge.combine` of a profile).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Combination {
    /// Both are nodes. The key of the later one begins with its catalog.
    Keep,
    /// The first is the node.
    UseFirst,
}

impl Combination {
    /// Reads the combination that a profile states. Without one, both controls are kept (OSCAL profile resolution).
    pub(super) fn of_profile(profile: &Object<'_>, document: &mut Document) -> Self {
        let Some(merge) = profile.object("merge") else { return Self::Keep };
        for structure in ["custom", "flat"].into_iter().filter(|structure| merge.has(structure)) {
            document.warn(&format!(
                "the structure of the profile (merge.{structure}) is not applied: the nodes have the groups of the catalogs"
            ));
        }
        let Some(combine) = merge.object("combine") else { return Self::Keep };
        match combine.word("method", &["keep", "use-first", "merge"]) {
            Some("use-first") => Self::UseFirst,
            Some("merge") => {
                document.warn(
                    "the texts of controls that several catalogs have are not merged (merge.combine): the first counts",
                );
                Self::UseFirst
            }
            _ => Self::Keep,
        }
    }
}

/// The nodes that have been written.
pub(super) struct WrittenNodes {
    combination: Combination,
    nodes: HashMap<String, WrittenNode>,
    /// The numbers of nodes by the keys of their parents.
    counts: HashMap<Option<String>, usize>,
    /// The number of the catalog that is being written.
    catalog: usize,
    /// The length of the texts, in bytes.
    pub(super) text_length: usize,
    renamed: usize,
    left_out: usize,
}

struct WrittenNode {
    catalog: usize,
    kind: NodeKind,
    title: Option<String>,
}

/// The record that a node becomes, beside those of earlier catalogs.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Resolution {
    /// One of its own, with this key.
    Own(String),
    /// That of a node of an earlier catalog: they are one.
    Shared,
    /// None: another node of its catalog has the key.
    Taken,
}

impl WrittenNodes {
    pub(super) fn new(combination: Combination) -> Self {
        Self {
            combination,
            nodes: HashMap::new(),
            counts: HashMap::new(),
            catalog: 0,
            text_length: 0,
            renamed: 0,
            left_out: 0,
        }
    }

    /// Begins the next catalog.
    pub(super) const fn begin_catalog(&mut self) {
        self.catalog += 1;
    }

    /// The position of the next node below the parent.
    pub(super) fn next_position(&mut self, parent: Option<&str>) -> usize {
        let count = self.counts.entry(parent.map(str::to_owned)).or_default();
        *count += 1;
        *count - 1
    }

    /// Decides what record the node becomes. Groups of two catalogs with one key and one title are one. `catalog` is the name
    /// of its catalog, with which the key of a node begins that is kept beside another.
    pub(super) fn resolve(&mut self, node: &Node, catalog: Option<&str>) -> Resolution {
        let kind = node.record_kind();
        let title = node.title.as_ref().map(|title| title.trim().to_lowercase());
        let entry = match self.nodes.entry(node.key.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(WrittenNode { catalog: self.catalog, kind, title });
                return Resolution::Own(node.key.clone());
            }
            Entry::Occupied(entry) => entry,
        };
        let present = entry.get();
        if present.catalog == self.catalog {
            return Resolution::Taken;
        }
        let are_groups = [present.kind, kind].map(|kind| kind == NodeKind::Group);
        match are_groups {
            [true, true] if present.title == title => return Resolution::Shared,
            [false, false] if self.combination == Combination::UseFirst => {
                self.left_out += 1;
                return Resolution::Shared;
            }
            _ => {}
        }
        let renamed = catalog.and_then(|catalog| shorten::key(&format!("{catalog}:{}", node.key)));
        let Some(renamed) = renamed.map(|key| key.to_string()) else { return Resolution::Taken };
        match self.nodes.entry(renamed.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(WrittenNode { catalog: self.catalog, kind, title });
                self.renamed += 1;
                Resolution::Own(renamed)
            }
            Entry::Occupied(_) => Resolution::Taken,
        }
    }

    /// Warns of the nodes that several catalogs have.
    pub(super) fn warn(&self, document: &mut Document) {
        if self.left_out > 0 {
            document.warn(&format!(
                "{} controls are left out: an earlier catalog has controls with their keys (merge.combine)",
                self.left_out
            ));
        }
        if self.renamed > 0 {
            document.warn(&format!(
                "{} groups and controls have the key of another in an earlier catalog: their keys begin with their catalog",
                self.renamed
            ));
        }
    }
}
