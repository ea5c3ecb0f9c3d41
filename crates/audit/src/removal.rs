//! The removal of the oldest entries of a chain, which an entry of the chain records.
//!
//! The record is sealed first, and the entries are removed afterwards. So a chain that begins after a removal contains
//! the hash that its first entry must be chained to, and nobody can shorten a chain without a trace.

use kernel::{Action, Change, Entry, FieldValue, Timestamp};

use crate::{
    hash::Hash,
    stored_entry::{Head, StoredEntry},
};

/// The action of the entries that record a removal.
pub const ENTRIES_REMOVED: Action = Action::new("audit.entries_removed");

const LAST_SEQUENCE: &str = "last_sequence";
const CHAIN_HASH: &str = "chain_hash";

/// A removal of the oldest entries of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// The sequence of the first entry that is removed.
    pub first_sequence: i64,
    /// The last entry that is removed.
    pub last: Head,
    /// The time of the first entry that is removed.
    pub first_at: Timestamp,
    /// The time of the last entry that is removed.
    pub last_at: Timestamp,
    /// The root of the tree over all entries up to the last one that is removed; `None` if the chain has no tree.
    pub tree_root: Option<Hash>,
    /// The rule that the entries are removed by, for people.
    pub policy: String,
}

impl Removal {
    /// Returns the changes of the entry that records the removal.
    #[must_use]
    pub fn changes(&self) -> Vec<Change> {
        let change = |field: &'static str, after| Change { field: field.into(), before: FieldValue::Null, after };
        let mut changes = vec![
            change("first_sequence", FieldValue::Integer(self.first_sequence)),
            change(LAST_SEQUENCE, FieldValue::Integer(self.last.sequence)),
            change("first_at", FieldValue::Text(self.first_at.to_string())),
            change("last_at", FieldValue::Text(self.last_at.to_string())),
            change("entries", FieldValue::Integer(self.last.sequence - self.first_sequence + 1)),
            change(CHAIN_HASH, FieldValue::Text(self.last.hash.to_string())),
        ];
        changes.extend(self.tree_root.map(|root| change("tree_root", FieldValue::Text(root.to_string()))));
        changes.push(change("policy", FieldValue::Text(self.policy.clone())));
        changes
    }
}

/// Returns the last entry of the removal that this entry records, or `None` if it records none.
#[must_use]
pub fn recorded_removal(entry: &Entry) -> Option<Head> {
    if entry.action != ENTRIES_REMOVED {
        return None;
    }
    let value = |field: &str| entry.changes.iter().find(|change| change.field == field).map(|change| &change.after);
    match (value(LAST_SEQUENCE)?, value(CHAIN_HASH)?) {
        (FieldValue::Integer(sequence), FieldValue::Text(hash)) => {
            Some(Head { sequence: *sequence, hash: hash.parse::<Hash>().ok()? })
        }
        _ => None,
    }
}

/// Returns the removal that a sealed entry records and that has not happened yet in a chain that begins after `start`.
#[must_use]
pub fn pending_removal(stored: &StoredEntry, start: Head) -> Option<Head> {
    stored.seal?;
    recorded_removal(&stored.entry).filter(|last| last.sequence > start.sequence)
}
