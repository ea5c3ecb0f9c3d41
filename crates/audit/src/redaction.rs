//! The redaction of single entries: their content is removed, which an entry of the same chain records.
//!
//! The record is sealed first, and the content is removed afterwards. The hash of the entry stays, so the chain and the
//! tree verify as before, and nobody can hide an entry without a record of it.

use std::collections::BTreeMap;

use kernel::{Action, Change, Entry, FieldValue, Id, OrganizationId, Subject};

use crate::{
    hash::Hash,
    stored_entry::{Head, Seal, StoredEntry},
};

/// The action of the entries that record a redaction.
pub const ENTRY_REDACTED: Action = Action::new("audit.entry_redacted");

/// The type of the subject of a record.
pub const REDACTED_SUBJECT: &str = "audit_entry";

const SEQUENCE: &str = "sequence";
const HASH: &str = "hash";

/// The remains of an entry that was redacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedactedEntry {
    /// The identifier.
    pub id: Id<Entry>,
    /// The organization.
    pub organization: OrganizationId,
    /// The position in the chain.
    pub seal: Seal,
}

/// A sealed entry, or what remains of one that was redacted.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "almost all are entries")]
pub enum SealedEntry {
    /// An entry.
    Entry(StoredEntry),
    /// The remains of one.
    Redacted(RedactedEntry),
}

impl SealedEntry {
    /// Returns the entry; `None` if it was redacted.
    #[must_use]
    pub fn into_stored(self) -> Option<StoredEntry> {
        match self {
            Self::Entry(stored) => Some(stored),
            Self::Redacted(_) => None,
        }
    }

    /// The position in the chain; `None` for an entry that waits.
    #[must_use]
    pub fn seal(&self) -> Option<Seal> {
        match self {
            Self::Entry(stored) => stored.seal,
            Self::Redacted(redacted) => Some(redacted.seal),
        }
    }
}

/// A redaction that an entry records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redaction {
    /// The identifier of the entry that is redacted.
    pub id: Id<Entry>,
    /// Its sequence and hash.
    pub entry: Head,
}

impl Redaction {
    /// Returns the subject of the entry that records the redaction.
    #[must_use]
    pub fn subject(&self) -> Subject {
        Subject { kind: REDACTED_SUBJECT.into(), id: self.id.to_string() }
    }

    /// Returns the changes of the entry that records the redaction.
    #[must_use]
    pub fn changes(&self) -> Vec<Change> {
        let change = |field: &'static str, after| Change { field: field.into(), before: FieldValue::Null, after };
        vec![
            change(SEQUENCE, FieldValue::Integer(self.entry.sequence)),
            change(HASH, FieldValue::Text(self.entry.hash.to_string())),
        ]
    }
}

/// Returns the redaction that this entry records, or `None` if it records none.
#[must_use]
pub fn recorded_redaction(entry: &Entry) -> Option<Redaction> {
    if entry.action != ENTRY_REDACTED {
        return None;
    }
    let id = entry.subject.as_ref().filter(|subject| subject.kind == REDACTED_SUBJECT)?.id.parse().ok()?;
    let value = |field: &str| entry.changes.iter().find(|change| change.field == field).map(|change| &change.after);
    match (value(SEQUENCE)?, value(HASH)?) {
        (FieldValue::Integer(sequence), FieldValue::Text(hash)) => {
            let entry = Head { sequence: *sequence, hash: hash.parse::<Hash>().ok()? };
            Some(Redaction { id, entry })
        }
        _ => None,
    }
}

/// Takes the entry that a redaction is about from those without content, by their sequences, whose records have not come yet.
pub fn take_recorded(unrecorded: &mut BTreeMap<i64, Redaction>, redaction: &Redaction) {
    if unrecorded.get(&redaction.entry.sequence) == Some(redaction) {
        unrecorded.remove(&redaction.entry.sequence);
    }
}

/// Returns whether an entry may be redacted. Those that the log has about itself are what others are verified by.
#[must_use]
pub fn is_redactable(entry: &Entry) -> bool {
    !entry.action.as_str().starts_with("audit.")
}

/// Returns the RFC 8785 JSON of what remains of an entry, as it is exported.
#[must_use]
pub fn redacted_json(redacted: &RedactedEntry) -> String {
    let RedactedEntry { id, organization, seal: Seal { sequence, previous_hash, hash } } = redacted;
    format!(
        r#"{{"hash":"{hash}","id":"{id}","organizationId":"{organization}","previousHash":"{previous_hash}","sequence":{sequence}}}"#
    )
}
