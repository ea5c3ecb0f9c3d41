//! The record of conflicts: witnesses that have seen another tree than the log now has.

use audit::{AuditFilter, AuditLog};
use kernel::{
    Action, Actor, ActorKind, Change, Entropy, Entry, FieldValue, Id, OrganizationId, PageLimit, PageRequest,
    StoreError, Timestamp,
};
use store::DynStore;

use crate::compose::{SERVER, command_origin};

/// The action of the entries about witnesses that have seen another tree.
const WITNESS_CONFLICT: Action = Action::new("audit.witness_conflict");

/// Maximum number of conflicts that are read, the newest first.
const MAX_CONFLICTS: usize = 200;

/// The kinds of conflicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ConflictKind {
    /// The witness has cosigned a tree that is larger than the log.
    LargerTree,
    /// The witness has cosigned a tree that the log does not continue.
    OtherTree,
}

/// A conflict with a witness.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WitnessConflict {
    /// The verifier key of the witness.
    pub(crate) witness: String,
    /// The name of the log.
    pub(crate) origin: String,
    pub(crate) kind: ConflictKind,
    /// The number of entries in the tree that the witness has cosigned.
    pub(crate) witnessed_size: u64,
}

impl ConflictKind {
    const fn name(self) -> &'static str {
        match self {
            Self::LargerTree => "larger tree",
            Self::OtherTree => "other tree",
        }
    }

    /// Describes the conflict for people.
    pub(crate) const fn description(self) -> &'static str {
        match self {
            Self::LargerTree => "a witness has cosigned more entries of the installation's log than there are",
            Self::OtherTree => "a witness has cosigned entries that the installation's log does not have",
        }
    }
}

/// Records a conflict in the installation's log, which had `size` entries.
///
/// # Errors
/// If the store fails.
pub(super) async fn record(
    store: &DynStore,
    entropy: &dyn Entropy,
    conflict: &WitnessConflict,
    size: u64,
) -> Result<(), StoreError> {
    let timestamp = store.begin_entry();
    let at = timestamp.at();
    let change = |field: &'static str, after: String| Change {
        field: field.into(),
        before: FieldValue::Null,
        after: FieldValue::Text(after),
    };
    // Sizes are texts, since a witness may state any number.
    let changes = vec![
        change("witness", conflict.witness.clone()),
        change("log", conflict.origin.clone()),
        change("cause", conflict.kind.name().to_owned()),
        change("witnessed_size", conflict.witnessed_size.to_string()),
        change("size", size.to_string()),
    ];
    let entry = Entry {
        id: Id::new(entropy.ulid(at)),
        organization: OrganizationId::INSTALLATION,
        occurred_at: at,
        wall_clock: timestamp.differing_clock(),
        actor: Actor { kind: ActorKind::System, id: None, name: SERVER.into() },
        action: WITNESS_CONFLICT,
        subject: None,
        reason: None,
        changes,
        origin: command_origin(entropy, at, "serve"),
        status: None,
    };
    store.append(entry, timestamp).await
}

/// Returns the conflicts that the installation's log records, newest first, with their times.
///
/// # Errors
/// If the store fails.
pub(crate) async fn recorded_conflicts(store: &DynStore) -> Result<Vec<(WitnessConflict, Timestamp)>, StoreError> {
    let actions = [WITNESS_CONFLICT.as_str().to_owned()].into();
    let filter = AuditFilter { actions, ..AuditFilter::default() };
    let mut page = PageRequest { limit: PageLimit::clamped(MAX_CONFLICTS as u64), ..PageRequest::default() };
    let mut conflicts = Vec::new();
    loop {
        let found = AuditLog::entries(store, OrganizationId::INSTALLATION, &filter, &page).await?;
        conflicts.extend(found.items.iter().filter_map(|stored| read(&stored.entry)));
        match found.next {
            Some(next) if conflicts.len() < MAX_CONFLICTS => page.after = Some(next),
            _ => return Ok(conflicts),
        }
    }
}

fn read(entry: &Entry) -> Option<(WitnessConflict, Timestamp)> {
    let text = |field: &str| {
        let change = entry.changes.iter().find(|change| change.field == field)?;
        if let FieldValue::Text(text) = &change.after { Some(text.as_str()) } else { None }
    };
    let kinds = [ConflictKind::LargerTree, ConflictKind::OtherTree];
    let conflict = WitnessConflict {
        witness: text("witness")?.to_owned(),
        origin: text("log")?.to_owned(),
        kind: kinds.into_iter().find(|kind| text("cause") == Some(kind.name()))?,
        witnessed_size: text("witnessed_size")?.parse().ok()?,
    };
    Some((conflict, entry.occurred_at))
}
