//! The change that a round stores.

use std::collections::BTreeMap;

use audit::{
    Checkpoint, ENTRY_REDACTED,
    tables::{LeaseHold, SealingRound},
};
use kernel::{Entry, Id, OrganizationId, StoreError, Timestamp, Ulid};

use super::{Sealer, chain::Chain, judgement::Judged, round::Round, writers::Writers};

/// The change that a round stores, and the state that is in memory after that.
pub(super) struct Change {
    pub(super) stored: SealingRound,
    pub(super) chains: Vec<Chain>,
    pub(super) checkpoints: Vec<Checkpoint>,
    pub(super) versions: BTreeMap<Ulid, u64>,
    /// The number of entries.
    pub(super) sealed: u64,
    /// Those of them that record a redaction.
    pub(super) redactions: Vec<(OrganizationId, Id<Entry>)>,
    /// Whether the sealer's own entries are among them.
    pub(super) has_own: bool,
    /// Those of them that wait until the chain can be sealed.
    pub(super) unreported: Option<Vec<Entry>>,
}

impl Change {
    pub(super) fn is_empty(&self) -> bool {
        let SealingRound { lease: _, heads, sealed, waiting, old_waiting, writers, ended_writers } = &self.stored;
        heads.is_empty()
            && sealed.is_empty()
            && waiting.is_empty()
            && old_waiting.is_empty()
            && writers.is_empty()
            && ended_writers.is_empty()
    }

    pub(super) fn organizations(&self) -> Vec<OrganizationId> {
        self.stored.heads.iter().map(|head| head.after.organization).collect()
    }
}

impl Sealer {
    /// Makes what the round stores. Returns `None` if a chain turns out to be one that can't be sealed; it rests now.
    pub(super) async fn change(
        &mut self,
        round: &mut Round,
        writers: &Writers,
        judged: Judged,
        old_waiting: Vec<(OrganizationId, Ulid)>,
        now: Timestamp,
    ) -> Result<Option<Change>, StoreError> {
        let keys = &self.context.keys;
        let (rows, ended_writers, versions) = writers.changes(&*keys.rows);
        let lease = LeaseHold {
            lease: self.context.lease,
            owner: self.context.owner.clone(),
            now,
            duration: self.context.lease_duration,
        };
        let stored = SealingRound {
            lease,
            heads: Vec::with_capacity(judged.entries.len()),
            sealed: judged.deleted,
            waiting: judged.inserted,
            old_waiting,
            writers: rows,
            ended_writers,
        };
        let mut change = Change {
            stored,
            chains: Vec::new(),
            checkpoints: Vec::new(),
            versions,
            sealed: 0,
            redactions: Vec::new(),
            has_own: judged.has_own,
            unreported: judged.unreported,
        };
        for (organization, mut entries) in judged.entries {
            entries.sort_by_key(|entry| entry.id);
            let chain = self.chains.take(organization);
            let mut chain = chain.ok_or_else(|| StoreError::Corrupt("a chain was not loaded".into()))?;
            if chain.needs_open(entries.len())
                && let Err(error) = chain.load_open(&*self.context.tables).await
            {
                round.faults.push(self.chains.rest(organization, error, now)?);
                self.intake.restart();
                self.old.is_checked = false;
                return Ok(None);
            }
            change.sealed += entries.len() as u64;
            let records = entries.iter().filter(|entry| entry.action == ENTRY_REDACTED);
            change.redactions.extend(records.map(|entry| (organization, entry.id)));
            let extension = chain.extend(entries, keys, now);
            change.stored.heads.push(extension.change);
            change.chains.push(extension.chain);
            change.checkpoints.push(extension.checkpoint);
        }
        Ok(Some(change))
    }
}
