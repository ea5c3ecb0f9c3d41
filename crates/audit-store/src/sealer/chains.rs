//! The chains that the sealer has in memory, and those that rest because they can't be sealed.

use std::{collections::BTreeMap, time::Duration};

use audit::{AuditTables, Checkpoint, CheckpointSigner, Head, tables::StoredHead};
use kernel::{OrganizationId, StoreError, Timestamp};

use super::{chain::Chain, round::ChainFault};
use crate::{
    heads::{ReadHeads, read_heads},
    keys::SealerKeys,
};

/// Time after which a chain that could not be sealed is tried again.
pub(super) const RETRY_DELAY: Duration = Duration::from_secs(60);

/// Time for which a checkpoint counts as one that may not have been logged yet.
const RECENT: Duration = Duration::from_secs(24 * 3600);

#[derive(Default)]
pub(super) struct Chains {
    loaded: BTreeMap<OrganizationId, Chain>,
    /// The heads that were stored by this sealer or found by it.
    last_heads: BTreeMap<OrganizationId, Head>,
    /// The chains that could not be sealed, and when each may be tried again.
    resting: BTreeMap<OrganizationId, Timestamp>,
}

impl Chains {
    /// Loads those of these chains that are neither in memory nor resting. One that can't be sealed rests from now on.
    pub(super) async fn load(
        &mut self,
        organizations: impl IntoIterator<Item = OrganizationId>,
        (tables, keys, now): (&dyn AuditTables, &SealerKeys, Timestamp),
        (faults, checkpoints): (&mut Vec<ChainFault>, &mut Vec<Checkpoint>),
    ) -> Result<(), StoreError> {
        let is_needed = |id: &OrganizationId| !self.loaded.contains_key(id) && !self.resting.contains_key(id);
        let needed: Vec<OrganizationId> = organizations.into_iter().filter(is_needed).collect();
        if needed.is_empty() {
            return Ok(());
        }
        let ReadHeads { heads, unreadable } = read_heads(tables, &needed).await?;
        let mut heads: BTreeMap<_, _> = heads.into_iter().map(|head| (head.organization, head)).collect();
        for (organization, error) in unreadable {
            faults.push(self.rest(organization, error, now)?);
        }
        for organization in needed {
            if self.is_resting(organization) {
                continue;
            }
            let stored = heads.remove(&organization);
            let loaded = match self.verify_not_set_back(organization, stored.as_ref()) {
                Ok(()) => Chain::load(tables, keys, organization, stored.clone()).await,
                Err(error) => Err(error),
            };
            match loaded {
                Ok(chain) => {
                    checkpoints.extend(stored.and_then(|stored| self.found(&stored)));
                    self.loaded.insert(organization, chain);
                }
                Err(error) => faults.push(self.rest(organization, error, now)?),
            }
        }
        Ok(())
    }

    /// A head that lies before one that this sealer has seen was changed by someone.
    fn verify_not_set_back(&self, organization: OrganizationId, stored: Option<&StoredHead>) -> Result<(), StoreError> {
        let head = stored.map_or(Head::EMPTY, |stored| stored.head);
        let last = self.last_heads.get(&organization).copied().unwrap_or(Head::EMPTY);
        if head.sequence > last.sequence || head == last {
            return Ok(());
        }
        let text = format!("the stored head was set back from entry {} to {}", last.sequence, head.sequence);
        Err(StoreError::Corrupt(text.into()))
    }

    /// Returns the checkpoints of those of these heads that were signed lately, and that this sealer has not seen: their
    /// sealer may have been killed before it logged them.
    pub(super) fn find_recent(
        &mut self,
        heads: &[StoredHead],
        signer: &dyn CheckpointSigner,
        now: Timestamp,
    ) -> Vec<Checkpoint> {
        let is_recent = |head: &&StoredHead| {
            self.verify_not_set_back(head.organization, Some(head)).is_ok()
                && checkpoint(head)
                    .is_some_and(|kept| kept.signed_at.distance(now) < RECENT && is_signed(&kept, signer))
        };
        let recent: Vec<&StoredHead> = heads.iter().filter(is_recent).collect();
        recent.into_iter().filter_map(|head| self.found(head)).collect()
    }

    /// Notes a stored head. Returns its checkpoint if it was not seen before.
    fn found(&mut self, stored: &StoredHead) -> Option<Checkpoint> {
        let is_new = self.last_heads.insert(stored.organization, stored.head) != Some(stored.head);
        checkpoint(stored).filter(|_| is_new)
    }

    /// Lets a chain rest after an error that concerns it alone.
    ///
    /// # Errors
    /// The error itself, if it does not.
    pub(super) fn rest(
        &mut self,
        organization: OrganizationId,
        error: StoreError,
        now: Timestamp,
    ) -> Result<ChainFault, StoreError> {
        if matches!(error, StoreError::Unavailable(_)) {
            return Err(error);
        }
        self.loaded.remove(&organization);
        self.resting.insert(organization, now + RETRY_DELAY);
        Ok(ChainFault { organization, error })
    }

    /// Ends the rest of the chains that have rested long enough.
    pub(super) fn end_rests(&mut self, now: Timestamp) {
        // A rest that is longer than any began before the clock was set back.
        self.resting.retain(|_, until| now < *until && *until <= now + RETRY_DELAY);
    }

    pub(super) fn is_resting(&self, organization: OrganizationId) -> bool {
        self.resting.contains_key(&organization)
    }

    /// The time at which the first rest ends.
    pub(super) fn rested_at(&self) -> Option<Timestamp> {
        self.resting.values().min().copied()
    }

    pub(super) fn get(&self, organization: OrganizationId) -> Option<&Chain> {
        self.loaded.get(&organization)
    }

    /// Takes a chain that is continued.
    pub(super) fn take(&mut self, organization: OrganizationId) -> Option<Chain> {
        self.loaded.remove(&organization)
    }

    /// Takes over the chains as they were stored, and forgets those that were loaded in vain.
    pub(super) fn stored(&mut self, chains: Vec<Chain>) {
        for chain in chains {
            self.last_heads.insert(chain.head.organization, chain.head.head);
            self.loaded.insert(chain.head.organization, chain);
        }
        // While a chain is converted, its head is changed by others without a new entry.
        let is_converted = |head: &StoredHead| head.old_through == 0 && head.tree.is_some();
        self.loaded.retain(|_, chain| chain.open.is_none() && is_converted(&chain.head));
    }

    /// Forgets what is in memory about a chain.
    pub(super) fn forget_chain(&mut self, organization: OrganizationId) {
        self.loaded.remove(&organization);
    }

    /// Forgets what is in memory about chains.
    pub(super) fn forget(&mut self) {
        self.loaded.clear();
    }
}

/// The checkpoint that a head was stored with.
fn checkpoint(stored: &StoredHead) -> Option<Checkpoint> {
    let (organization, Head { sequence, hash }) = (stored.organization, stored.head);
    let signed = stored.signed?;
    Some(Checkpoint { organization, sequence, hash, signed_at: signed.signed_at, signature: signed.checkpoint })
}

/// Whether this installation has signed a checkpoint: a signature by the same key of the same message is the same.
fn is_signed(kept: &Checkpoint, signer: &dyn CheckpointSigner) -> bool {
    Checkpoint::sign(signer, kept.organization, kept.sequence, kept.hash, kept.signed_at) == *kept
}
