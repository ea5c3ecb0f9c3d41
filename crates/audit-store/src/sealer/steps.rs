//! The steps of a round.

use std::{collections::BTreeSet, mem, sync::Arc};

use audit::tables::StoredHead;
use kernel::{Entry, OrganizationId, StoreError, Timestamp, WriteTimestamp};

use super::{
    Sealer,
    change::Change,
    intake::{Batch, Content},
    judgement::Judged,
    own_entries::{self, HEADS_INTERVAL},
    round::Round,
    writers::Writers,
};
use crate::{
    heads::read_all_heads,
    stored_head::{verify_signature, verify_tag},
};

/// The organization of the installation's log.
const LOG: OrganizationId = OrganizationId::INSTALLATION;

/// Maximum number of entries for the installation's log that are kept while it can't be sealed.
const MAX_UNREPORTED: usize = 1000;

impl Sealer {
    pub(super) async fn try_round(&mut self) -> Result<Round, StoreError> {
        let now = self.context.clock.now();
        let tables = Arc::clone(&self.context.tables);
        self.chains.end_rests(now);
        self.isolation.end_rests(now);
        let (mut round, mut judged) = (Round::default(), Judged::default());
        let mut writers = Writers::load(&*tables, &*self.context.keys.rows, &self.versions).await?;
        let old_waiting = self.take_old((&mut round, &mut judged, &mut writers), now).await?;
        // What waited before is sealed first.
        let batch = if old_waiting.is_empty() {
            self.intake.read(&*tables, &*self.context.keys.rows, now, self.isolation.takes_one()).await?
        } else {
            Batch { taken: Vec::new(), swept_at: None, more: true }
        };
        let Batch { taken, swept_at, more } = batch;
        round.more = more;
        let single = taken.first().map(|taken| taken.row.key).filter(|_| self.isolation.takes_one());
        let organizations: BTreeSet<_> = taken.iter().flat_map(|taken| organizations(&taken.content)).collect();
        self.load(organizations, &mut round, now).await?;
        for taken in taken {
            self.judge(taken, &mut writers, &mut judged, now).await?;
        }
        if !judged.faults.is_empty() {
            round.faults.append(&mut judged.faults);
            self.intake.restart();
            self.old.is_checked = false;
            return Ok(not_stored(round));
        }
        if let Some(swept_at) = swept_at {
            round.missing = writers.sweep(swept_at);
            let staying = self.intake.finish_sweep();
            writers.own.retain_refused(|key| staying.contains(key) || self.old.refused.contains(key));
        }
        round.refused = mem::take(&mut judged.refused);
        round.altered_states.clone_from(&writers.altered);
        // Its timestamp counts as in flight until the round is stored.
        let _in_flight = self.add_own_entries(&mut round, &mut writers, &mut judged, now).await?;
        let due_at = [writers.due_at(), judged.due_at, self.chains.rested_at(), self.isolation.rested_at()];
        let due_at = due_at.into_iter().flatten().min();

        let Some(change) = self.change(&mut round, &writers, judged, old_waiting, now).await? else {
            return Ok(not_stored(round));
        };
        let outcome = if change.is_empty() { Ok(true) } else { tables.seal(&change.stored).await };
        let (is_stored, refusal) = match outcome {
            Ok(is_stored) => (is_stored, None),
            // The database refuses a statement about one of the chains: the others don't wait for it.
            Err(error @ StoreError::Corrupt(_)) => (false, Some(error)),
            Err(error) => return Err(error),
        };
        if is_stored {
            let due_at = if swept_at.is_some() { due_at.unwrap_or(Timestamp::MAX) } else { Timestamp::MIN };
            self.stored(change, &mut round, due_at);
            if let Some(error) = self.isolation.stored(single, round.more) {
                // It was the installation's chain that was refused.
                round.faults.push(self.chains.rest(LOG, error, now)?);
                self.due_at = Some(Timestamp::MIN);
            }
            self.find_unlogged(&mut round, now).await;
            return Ok(round);
        }
        self.failed(&change, (single, refusal), &mut round, now)?;
        Ok(not_stored(round))
    }

    /// Loads chains.
    pub(super) async fn load(
        &mut self,
        organizations: impl IntoIterator<Item = OrganizationId>,
        round: &mut Round,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let with = (&*self.context.tables, &self.context.keys, now);
        self.chains.load(organizations, with, (&mut round.faults, &mut self.found)).await
    }

    /// Adds the sealer's own entries to the installation's log.
    async fn add_own_entries(
        &mut self,
        round: &mut Round,
        writers: &mut Writers,
        judged: &mut Judged,
        now: Timestamp,
    ) -> Result<Option<WriteTimestamp>, StoreError> {
        let mut parts = Vec::new();
        parts.extend(round.altered_states.iter().map(|writer| own_entries::altered(*writer)));
        parts.extend(round.refused.iter().map(own_entries::refused));
        parts.extend(round.missing.iter().map(own_entries::missing));
        let named_at = writers.own.heads_named_at;
        if !judged.entries.is_empty() && named_at.is_none_or(|at| at.distance(now) >= HEADS_INTERVAL) {
            parts.extend(own_entries::heads(&self.own_heads().await?, named_at));
            writers.own.heads_named_at = Some(now);
        }
        if parts.is_empty() && self.unreported.is_empty() {
            return Ok(None);
        }
        let timestamp = (self.context.begin_entry)();
        let entropy = &*self.context.entropy;
        let entries =
            parts.into_iter().map(|(action, changes)| own_entries::entry(entropy, &timestamp, action, changes));
        let entries: Vec<Entry> = self.unreported.iter().cloned().chain(entries).collect();
        self.load([LOG], round, now).await?;
        let entries = self.without_sealed(entries).await?;
        if entries.is_empty() {
            return Ok(Some(timestamp));
        }
        if self.chains.is_resting(LOG) || self.isolation.omits_own() {
            judged.unreported = Some(entries.into_iter().take(MAX_UNREPORTED).collect());
        } else {
            judged.has_own = true;
            judged.entries.entry(LOG).or_default().extend(entries);
        }
        Ok(Some(timestamp))
    }

    /// The heads that this installation has stored as they are. Others must not be named as if they were.
    async fn own_heads(&self) -> Result<Vec<StoredHead>, StoreError> {
        let (tables, keys) = (&*self.context.tables, &self.context.keys);
        let mut own = Vec::new();
        for head in read_all_heads(tables).await?.heads {
            // A query for each of them would take longer than the lease lasts.
            let is_signed = verify_signature(tables, &*keys.checkpoints, &head).await;
            match is_signed.and_then(|_| verify_tag(&*keys.rows, &head)) {
                Ok(()) => own.push(head),
                Err(StoreError::Corrupt(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(own)
    }

    /// The entries for the installation's log without those that waited and were sealed, if that is not certain.
    async fn without_sealed(&mut self, mut entries: Vec<Entry>) -> Result<Vec<Entry>, StoreError> {
        let waited = self.unreported.len();
        if let Some(first) = self.unreported.first().filter(|_| self.is_reported) {
            // They were sealed together.
            let view = self.log.reader.chain_view(LOG).await?;
            match self.log.reader.is_sealed(&view, first.id).await {
                Ok(true) => {
                    entries.drain(..waited);
                    self.unreported.clear();
                }
                Ok(false) | Err(StoreError::Corrupt(_)) => {}
                Err(error) => return Err(error),
            }
            self.is_reported = false;
        }
        Ok(entries)
    }

    /// Notes that a round was stored.
    fn stored(&mut self, change: Change, round: &mut Round, due_at: Timestamp) {
        self.due_at = Some(due_at);
        if change.has_own {
            self.unreported.clear();
            self.is_reported = false;
        }
        // What a round finds is found again if it was not stored.
        if let Some(unreported) = change.unreported {
            self.unreported = unreported;
        }
        self.versions.extend(change.versions);
        self.chains.stored(change.chains);
        round.sealed = change.sealed;
        round.checkpoints.extend(change.checkpoints);
        round.redactions = change.redactions;
    }
}

/// The organizations of the entries of a row.
fn organizations(content: &Content) -> Vec<OrganizationId> {
    match content {
        Content::Row(read) => read.parts.iter().map(|(organization, _)| *organization).collect(),
        Content::Occupied | Content::Unreadable(_) => Vec::new(),
    }
}

/// A round without what was not stored.
fn not_stored(mut round: Round) -> Round {
    round.more = true;
    round.refused.clear();
    round.missing.clear();
    round.altered_states.clear();
    round
}
