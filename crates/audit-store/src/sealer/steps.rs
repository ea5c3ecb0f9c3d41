//! The steps of a round.

use std::{collections::BTreeSet, mem, sync::Arc};

use audit::tables::{StoredHead, WaitingKey};
use kernel::{Entry, OrganizationId, StoreError, Timestamp, Ulid, WriteTimestamp};

use super::{
    CAREFUL_ROUNDS, Sealer,
    change::Change,
    intake::{Batch, Content, MAX_CHAINS, MAX_ENTRIES},
    judgement::Judged,
    own_entries::{self, HEADS_INTERVAL},
    round::{ChainFault, Round},
    writers::Writers,
};

/// The organization of the installation's log.
const LOG: OrganizationId = OrganizationId::INSTALLATION;

/// Number of heads that are read at a time.
const HEADS_PAGE: usize = 500;

/// Maximum number of entries for the installation's log that are kept while it can't be sealed.
const MAX_UNREPORTED: usize = 1000;

impl Sealer {
    pub(super) async fn try_round(&mut self) -> Result<Round, StoreError> {
        let now = self.context.clock.now();
        let tables = Arc::clone(&self.context.tables);
        self.chains.end_rests(now);
        let (mut round, mut judged) = (Round::default(), Judged::default());
        let mut writers = Writers::load(&*tables, &*self.context.keys.rows, &self.versions).await?;
        let old_waiting = self.take_old(&mut round, &mut judged, now).await?;
        // What waited before is sealed first.
        let batch = if old_waiting.is_empty() {
            self.intake.read(&*tables, &*self.context.keys.rows, now, self.careful > 0).await?
        } else {
            Batch { taken: Vec::new(), swept_at: None, more: true }
        };
        let Batch { taken, swept_at, more } = batch;
        round.more = more;
        let single = taken.first().map(|taken| taken.row.key).filter(|_| self.careful > 0);
        let organizations: BTreeSet<_> = taken.iter().flat_map(|taken| organizations(&taken.content)).collect();
        self.load(organizations, &mut round, now).await?;
        for taken in taken {
            self.judge(taken, &mut writers, &mut judged, now).await?;
        }
        if !judged.faults.is_empty() {
            round.faults.append(&mut judged.faults);
            self.intake.restart();
            return Ok(not_stored(round));
        }
        if let Some(swept_at) = swept_at {
            round.missing = writers.sweep(swept_at);
            writers.own.retain_refused(self.intake.finish_sweep());
        }
        round.refused = mem::take(&mut judged.refused);
        round.altered_states.clone_from(&writers.altered);
        // Its timestamp counts as in flight until the round is stored.
        let _in_flight = self.add_own_entries(&mut round, &mut writers, &mut judged, now).await?;
        let due_at = [writers.due_at(), judged.due_at, self.chains.rested_at()].into_iter().flatten().min();

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
            self.stored(change, &mut round, single, due_at);
            self.find_unlogged(&mut round, now).await;
            return Ok(round);
        }
        self.failed(&change, (single, refusal), &mut round, now)?;
        Ok(not_stored(round))
    }

    /// Loads chains.
    async fn load(
        &mut self,
        organizations: impl IntoIterator<Item = OrganizationId>,
        round: &mut Round,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let with = (&*self.context.tables, &self.context.keys, now);
        self.chains.load(organizations, with, (&mut round.faults, &mut round.checkpoints)).await
    }

    /// Takes entries that waited when the schema was migrated.
    async fn take_old(
        &mut self,
        round: &mut Round,
        judged: &mut Judged,
        now: Timestamp,
    ) -> Result<Vec<(OrganizationId, Ulid)>, StoreError> {
        if !self.has_old_waiting {
            return Ok(Vec::new());
        }
        let mut waiting = match self.context.tables.old_waiting(MAX_ENTRIES).await {
            Ok(waiting) => waiting,
            Err(error @ StoreError::Corrupt(_)) => {
                round.faults.push(ChainFault { organization: LOG, error });
                Vec::new()
            }
            Err(error) => return Err(error),
        };
        self.has_old_waiting = !waiting.is_empty();
        let organizations: BTreeSet<_> = waiting.iter().map(|entry| entry.organization).collect();
        self.load(organizations.iter().copied().take(MAX_CHAINS), round, now).await?;
        waiting.retain(|entry| self.chains.get(entry.organization).is_some());
        let keys = waiting.iter().map(|entry| (entry.organization, entry.id.ulid())).collect();
        for entry in waiting {
            judged.entries.entry(entry.organization).or_default().push(entry);
        }
        Ok(keys)
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
            parts.extend(own_entries::heads(&self.all_heads().await?, named_at));
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
        if self.chains.is_resting(LOG) {
            self.unreported = entries;
            self.unreported.truncate(MAX_UNREPORTED);
        } else {
            judged.entries.entry(LOG).or_default().extend(entries);
        }
        Ok(Some(timestamp))
    }

    async fn all_heads(&self) -> Result<Vec<StoredHead>, StoreError> {
        let tables = &self.context.tables;
        let mut heads = Vec::new();
        for organizations in tables.organizations().await?.chunks(HEADS_PAGE) {
            heads.extend(tables.heads(organizations).await?);
        }
        heads.sort_by_key(|head| head.organization);
        Ok(heads)
    }

    /// Notes that a round was stored.
    fn stored(&mut self, change: Change, round: &mut Round, single: Option<WaitingKey>, due_at: Timestamp) {
        if self.failed_row == single {
            self.failed_row = None;
        }
        self.careful = if round.more { self.careful.saturating_sub(1) } else { 0 };
        self.due_at = Some(due_at);
        if change.organizations().contains(&LOG) {
            self.unreported.clear();
        }
        self.versions.extend(change.versions);
        self.chains.stored(change.chains);
        round.sealed = change.sealed;
        round.checkpoints.extend(change.checkpoints);
    }

    /// Forgets everything after a round was not stored, and goes on row by row: so whatever can't be stored stops nothing
    /// else.
    fn failed(
        &mut self,
        change: &Change,
        (single, refusal): (Option<WaitingKey>, Option<StoreError>),
        round: &mut Round,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.forget();
        self.careful = CAREFUL_ROUNDS;
        round.is_outdated = true;
        if single.is_none() || self.failed_row != single {
            self.failed_row = single;
            return Ok(());
        }
        self.failed_row = None;
        match change.organizations().as_slice() {
            [organization] => {
                let changed = || StoreError::Corrupt("the tables are not as the stored head has it".into());
                let error = refusal.unwrap_or_else(changed);
                round.faults.push(self.chains.rest(*organization, error, now)?);
            }
            _ => self.split.extend(single),
        }
        Ok(())
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
