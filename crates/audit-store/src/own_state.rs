//! The state that the sealer remembers about itself. It is stored like the state of a writer, under the nil identifier.

use std::collections::BTreeSet;

use audit::{AuditTables, RowKey, tables::WaitingKey};
use kernel::{OrganizationId, StoreError, Timestamp, Ulid};

use crate::{
    bytes::{Unread, put_number, put_ulid},
    state::{from_row, put_time, time},
};

/// The identifier under which it is stored.
pub(crate) const SEALER: Ulid = Ulid(0);

/// Maximum number of refused rows that are remembered, and so reported in the log. Someone who makes more has been
/// reported.
const MAX_REFUSED: usize = 256;

const VERSION: u8 = 2;

/// Whether entries of the old form may still wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OldEntries {
    /// Nothing is stored about them.
    #[default]
    Unknown,
    /// Those that waited when the schema was migrated may still wait.
    Wait,
    /// None of these is left: whatever waits there was put there later.
    Through,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OwnState {
    /// As of a writer's state.
    pub(crate) version: u64,
    /// The time at which the heads were last named in the installation's log.
    pub(crate) heads_named_at: Option<Timestamp>,
    pub(crate) old_entries: OldEntries,
    /// The rows that were refused and are left as evidence.
    refused: BTreeSet<WaitingKey>,
}

impl OwnState {
    pub(crate) fn has_refused(&self, key: &WaitingKey) -> bool {
        self.refused.contains(key)
    }

    /// Adds a refused row. Returns whether it is one to report.
    pub(crate) fn refuse(&mut self, key: WaitingKey) -> bool {
        self.refused.len() < MAX_REFUSED && self.refused.insert(key)
    }

    /// Forgets the refused rows that no longer exist.
    pub(crate) fn retain_refused(&mut self, exists: impl Fn(&WaitingKey) -> bool) {
        self.refused.retain(exists);
    }

    /// Encodes it as this version.
    pub(crate) fn encode(&self, version: u64) -> Vec<u8> {
        let old_entries = match self.old_entries {
            OldEntries::Unknown => 0,
            OldEntries::Wait => 1,
            OldEntries::Through => 2,
        };
        let mut bytes = vec![VERSION, old_entries];
        put_number(&mut bytes, version);
        put_time(&mut bytes, self.heads_named_at.unwrap_or(Timestamp::from_millis(0)));
        put_number(&mut bytes, self.refused.len() as u64);
        for key in &self.refused {
            put_ulid(&mut bytes, key.organization.ulid());
            put_ulid(&mut bytes, key.id);
        }
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut unread = Unread(bytes);
        unread.byte().filter(|version| *version == VERSION)?;
        let old_entries = match unread.byte()? {
            0 => OldEntries::Unknown,
            1 => OldEntries::Wait,
            2 => OldEntries::Through,
            _ => return None,
        };
        let version = unread.number()?;
        let heads_named_at = Some(time(&mut unread)?).filter(|at| at.millis() > 0);
        let mut refused = BTreeSet::new();
        for _ in 0..unread.length().filter(|count| *count <= MAX_REFUSED)? {
            refused.insert(WaitingKey { organization: OrganizationId::new(unread.ulid()?), id: unread.ulid()? });
        }
        unread.0.is_empty().then_some(Self { version, heads_named_at, old_entries, refused })
    }
}

/// Whether entries of the old form that wait are no longer to be sealed, as far as the sealer has stored it. If
/// someone has deleted what it has stored, its next round stores it again.
pub(crate) async fn is_old_through(tables: &dyn AuditTables, key: &dyn RowKey) -> Result<bool, StoreError> {
    let rows = tables.writers().await?;
    let own = rows.iter().find(|row| row.writer == SEALER);
    let own = own.and_then(|row| from_row(row, key)).and_then(OwnState::decode);
    Ok(own.is_some_and(|own| own.old_entries == OldEntries::Through))
}
