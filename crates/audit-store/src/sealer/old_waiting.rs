//! Entries of the old form that waited for their seal when the schema was migrated. Nothing authenticates them, so they are
//! sealed only until none is left for the first time.

use std::collections::BTreeSet;

use audit::tables::{StoredHead, WaitingKey};
use kernel::{OrganizationId, StoreError, Timestamp, Ulid};

use super::{
    Sealer,
    chains::RETRY_DELAY,
    intake::{MAX_CHAINS, MAX_ENTRIES},
    judgement::Judged,
    own_state::OldEntries,
    round::{ChainFault, Round},
    writers::Writers,
};
use crate::heads::read_all_heads;

/// Maximum number of entries that are read behind those of chains that rest.
const MAX_READ: usize = 1 << 20;

/// The entries of the old form that wait, as far as a sealer has seen them.
#[derive(Default)]
pub(super) struct OldWaiting {
    /// Whether there was none, or none that is to be sealed.
    is_empty: bool,
    /// Whether it was found out that none is to be sealed any longer, and those that there are were refused.
    pub(super) is_checked: bool,
    /// The time from which on they are tried again.
    retry_at: Option<Timestamp>,
    /// Those that are refused.
    pub(super) refused: BTreeSet<WaitingKey>,
}

impl OldWaiting {
    /// Whether they are not tried now.
    fn rests(&self, now: Timestamp) -> bool {
        self.retry_at.is_some_and(|at| now < at && at <= now + RETRY_DELAY)
    }
}

impl Sealer {
    /// Whether entries of the old form wait and are tried now.
    pub(super) async fn has_old(&mut self, now: Timestamp) -> Result<bool, StoreError> {
        if self.old.is_empty || self.old.is_checked || self.old.rests(now) {
            return Ok(false);
        }
        self.old.is_empty = match self.context.tables.old_waiting(1).await {
            Ok(waiting) => waiting.is_empty(),
            // The round reports it.
            Err(StoreError::Corrupt(_)) => false,
            Err(error) => return Err(error),
        };
        Ok(!self.old.is_empty)
    }

    /// Takes entries that waited when the schema was migrated. Once none was left, those that are there are refused.
    pub(super) async fn take_old(
        &mut self,
        (round, judged, writers): (&mut Round, &mut Judged, &mut Writers),
        now: Timestamp,
    ) -> Result<Vec<(OrganizationId, Ulid)>, StoreError> {
        if self.old.is_checked || self.old.rests(now) {
            return Ok(Vec::new());
        }
        self.old.retry_at = None;
        let tables = &*self.context.tables;
        if writers.own.old_entries == OldEntries::Unknown {
            let is_new = !read_all_heads(tables).await?.heads.iter().any(is_sealed_since);
            writers.own.old_entries = if is_new { OldEntries::Wait } else { OldEntries::Through };
        }
        let mut limit = MAX_ENTRIES;
        loop {
            let mut waiting = match self.context.tables.old_waiting(limit).await {
                Ok(waiting) => waiting,
                Err(error @ StoreError::Corrupt(_)) => {
                    round.faults.push(ChainFault { organization: OrganizationId::INSTALLATION, error });
                    self.old.retry_at = Some(now + RETRY_DELAY);
                    return Ok(Vec::new());
                }
                Err(error) => return Err(error),
            };
            let count = waiting.len();
            if writers.own.old_entries == OldEntries::Through {
                self.old.is_checked = true;
                for entry in waiting {
                    let key = WaitingKey { organization: entry.organization, id: entry.id.ulid() };
                    self.old.refused.insert(key);
                    let reason = "it waits in the form of an earlier version, in which nothing waits any longer";
                    self.refuse(key, reason.to_owned(), writers, judged);
                }
                return Ok(Vec::new());
            }
            if count == 0 {
                // It is checked once more after this is stored.
                writers.own.old_entries = OldEntries::Through;
                return Ok(Vec::new());
            }
            waiting.retain(|entry| !self.chains.is_resting(entry.organization));
            let organizations: BTreeSet<_> = waiting.iter().map(|entry| entry.organization).collect();
            let taken = if self.isolation.takes_one() { 1 } else { MAX_CHAINS };
            let organizations: BTreeSet<_> = organizations.into_iter().take(taken).collect();
            self.load(organizations.iter().copied(), round, now).await?;
            waiting.retain(|entry| {
                organizations.contains(&entry.organization) && self.chains.get(entry.organization).is_some()
            });
            waiting.truncate(MAX_ENTRIES);
            if waiting.is_empty() && organizations.is_empty() {
                if count < limit || limit >= MAX_READ {
                    // All of them are those of chains that rest.
                    self.old.retry_at = Some(now + RETRY_DELAY);
                    return Ok(Vec::new());
                }
                limit *= 8;
            }
            if waiting.is_empty() {
                continue;
            }
            let keys = waiting.iter().map(|entry| (entry.organization, entry.id.ulid())).collect();
            for entry in waiting {
                judged.entries.entry(entry.organization).or_default().push(entry);
            }
            return Ok(keys);
        }
    }
}

/// Whether a chain was sealed since the schema was migrated.
fn is_sealed_since(head: &StoredHead) -> bool {
    head.signed.is_some() || head.old_through < head.head.sequence
}
