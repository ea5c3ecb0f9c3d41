//! Drafts that wait for a record of their own kind, as nodes wait for the nodes above them.

use std::collections::HashMap;

use import::{CheckedDraft, ReferenceValue, references, self_reference};
use kernel::{Record, Ulid};

use super::{
    identity::Identity,
    messages::{cycle, missing_key},
};

/// Where the chain of the records that a draft waits for leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chain {
    /// To a record that can't be imported or does not exist.
    Ends,
    /// Back to the draft itself.
    IsCycle,
    /// To other drafts that wait for each other.
    LeadsToCycle,
}

/// The drafts that waited in the last pass.
#[derive(Debug, Default)]
pub(super) struct WaitingDrafts {
    /// The record that each draft waits for.
    awaited: HashMap<Identity, Identity>,
    /// Whether nothing has moved: those that still wait fail.
    is_last_pass: bool,
    /// Where the chain from each draft leads, as far as it was followed.
    chains: HashMap<Identity, Chain>,
    /// The parents that a dry run would have written.
    planned_parents: HashMap<Ulid, Option<Ulid>>,
}

impl WaitingDrafts {
    /// Ends a pass that settled some drafts while others wait. Returns whether there must be another one.
    pub(super) fn next_pass(&mut self, settled: usize, waiting: usize) -> bool {
        let was_last = std::mem::take(&mut self.is_last_pass);
        if waiting == 0 || was_last {
            self.awaited.clear();
            self.chains.clear();
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
        Some(match self.chain_from(own) {
            Chain::IsCycle => cycle(draft.kind),
            Chain::Ends if !self.awaited.contains_key(&awaited) => missing_key(column, key),
            Chain::Ends | Chain::LeadsToCycle => {
                format!("{}: the record with the key {key:?} can't be imported: see its own line", column.key_field)
            }
        })
    }

    /// Follows the chain of the records that a draft waits for.
    fn chain_from(&mut self, start: Identity) -> Chain {
        let (mut path, mut indexes) = (Vec::new(), HashMap::new());
        let mut current = start;
        let (end, cycle_start) = loop {
            match self.chains.get(&current) {
                Some(Chain::Ends) => break (Chain::Ends, path.len()),
                Some(_) => break (Chain::LeadsToCycle, path.len()),
                None => {}
            }
            if let Some(index) = indexes.insert(current, path.len()) {
                break (Chain::LeadsToCycle, index);
            }
            path.push(current);
            match self.awaited.get(&current) {
                Some(next) => current = *next,
                None => break (Chain::Ends, path.len()),
            }
        };
        let chains = path.into_iter().enumerate();
        self.chains
            .extend(chains.map(|(index, identity)| (identity, if index < cycle_start { end } else { Chain::IsCycle })));
        self.chains.get(&start).copied().unwrap_or(end)
    }

    /// Whether those that still wait fail.
    pub(super) const fn is_last_pass(&self) -> bool {
        self.is_last_pass
    }

    /// The parent that a dry run would have given to the record.
    pub(super) fn planned_parent(&self, id: Ulid) -> Option<Option<Ulid>> {
        self.planned_parents.get(&id).copied()
    }

    /// Notes the parent of a record that a dry run would have written, unless the record keeps the parent that it has.
    pub(super) fn plan<R: Record>(&mut self, record: &R, id: Ulid, kept_columns: &[usize]) {
        if let Some(column) = self_reference(R::KIND).filter(|column| !kept_columns.contains(&column.column)) {
            self.planned_parents.insert(id, record.value(column.column).as_id());
        }
    }
}
