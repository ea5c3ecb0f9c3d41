//! Drafts that wait for a record of their own kind, as nodes wait for the nodes above them.

use std::collections::{HashMap, HashSet};

use import::{CheckedDraft, ReferenceValue, references, self_reference};
use kernel::{Record, Ulid};

use super::{
    identity::Identity,
    messages::{cycle, missing_key},
};

/// The drafts that waited in the last pass.
#[derive(Debug, Default)]
pub(super) struct WaitingDrafts {
    /// The record that each draft waits for.
    awaited: HashMap<Identity, Identity>,
    /// Whether nothing has moved: those that still wait fail.
    is_last_pass: bool,
    /// Whether the chain from each draft ends in a cycle, as far as it was followed.
    in_cycle: HashMap<Identity, bool>,
    /// The parents that a dry run would have written.
    planned_parents: HashMap<Ulid, Option<Ulid>>,
}

impl WaitingDrafts {
    /// Ends a pass that settled some drafts while others wait. Returns whether there must be another one.
    pub(super) fn next_pass(&mut self, settled: usize, waiting: usize) -> bool {
        let was_last = std::mem::take(&mut self.is_last_pass);
        if waiting == 0 || was_last {
            self.awaited.clear();
            self.in_cycle.clear();
            return false;
        }
        self.is_last_pass = settled == 0;
        if !self.is_last_pass {
            self.awaited.clear();
        }
        true
    }

    /// Adds a draft that waits for another record. In the last pass, returns its error instead.
    pub(super) fn add(&mut self, draft: &CheckedDraft, own: Identity, awaited: Identity) -> Option<String> {
        if !self.is_last_pass {
            self.awaited.insert(own, awaited);
            return None;
        }
        let column = self_reference(draft.kind)?;
        let index = references(draft.kind).iter().position(|other| other.column == column.column)?;
        let Some(ReferenceValue::Key(key)) = draft.references.get(index).and_then(|values| values.first()) else {
            return Some(cycle(draft.kind));
        };
        Some(if self.leads_to_cycle(own) {
            cycle(draft.kind)
        } else if self.awaited.contains_key(&awaited) {
            format!("{}: the record with the key {key:?} can't be imported: see its own line", column.key_field)
        } else {
            missing_key(column, key)
        })
    }

    /// Whether the records that a draft waits for wait for each other.
    fn leads_to_cycle(&mut self, start: Identity) -> bool {
        let (mut path, mut on_path) = (Vec::new(), HashSet::new());
        let mut current = start;
        let is_cycle = loop {
            if let Some(is_cycle) = self.in_cycle.get(&current) {
                break *is_cycle;
            }
            if !on_path.insert(current) {
                break true;
            }
            path.push(current);
            match self.awaited.get(&current) {
                Some(next) => current = *next,
                None => break false,
            }
        };
        self.in_cycle.extend(path.into_iter().map(|identity| (identity, is_cycle)));
        is_cycle
    }

    /// Whether those that still wait fail.
    pub(super) const fn is_last_pass(&self) -> bool {
        self.is_last_pass
    }

    /// The parent that a dry run would have given to the record.
    pub(super) fn planned_parent(&self, id: Ulid) -> Option<Option<Ulid>> {
        self.planned_parents.get(&id).copied()
    }

    /// Notes the parent of a record that a dry run would have written.
    pub(super) fn plan<R: Record>(&mut self, record: &R, id: Ulid) {
        if let Some(column) = self_reference(R::KIND) {
            self.planned_parents.insert(id, record.value(column.column).as_id());
        }
    }
}
