//! The search for what the database refuses in a round, so that it stops nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
};

use audit::tables::WaitingKey;
use kernel::{OrganizationId, StoreError, Timestamp};

use super::{
    Sealer,
    chains::RETRY_DELAY,
    change::Change,
    round::{ChainFault, Round},
};

/// Number of rounds that take one row each after a round could not be stored.
const SINGLE_ROUNDS: usize = 200;

#[derive(Default)]
pub(super) struct Isolation {
    /// The number of rounds that still take one row each.
    rounds: usize,
    /// The row, if it had one, of the last round of these that could not be stored.
    failed: Option<Option<WaitingKey>>,
    /// The refusal of a round with the sealer's own entries, without which it is made again.
    own_refusal: Option<StoreError>,
    /// The rows whose parts are set aside, because they can't be sealed together.
    split: BTreeSet<WaitingKey>,
    /// The rows that can't even be split, and when each may be tried again.
    passed_over: BTreeMap<WaitingKey, Timestamp>,
}

impl Isolation {
    /// Whether a round takes one row.
    pub(super) fn takes_one(&self) -> bool {
        self.rounds > 0
    }

    /// Whether a round is made without the sealer's own entries.
    pub(super) fn omits_own(&self) -> bool {
        self.own_refusal.is_some()
    }

    pub(super) fn splits(&self, key: &WaitingKey) -> bool {
        self.split.contains(key)
    }

    pub(super) fn passes_over(&self, key: &WaitingKey) -> bool {
        self.passed_over.contains_key(key)
    }

    /// Forgets the rows that may be tried again.
    pub(super) fn end_rests(&mut self, now: Timestamp) {
        self.passed_over.retain(|_, until| now < *until && *until <= now + RETRY_DELAY);
    }

    /// The time at which the first row may be tried again.
    pub(super) fn rested_at(&self) -> Option<Timestamp> {
        self.passed_over.values().min().copied()
    }

    /// Notes that a round was stored. Returns why the one with the sealer's own entries was not.
    pub(super) fn stored(&mut self, single: Option<WaitingKey>, more: bool) -> Option<StoreError> {
        self.failed = None;
        self.rounds = if more { self.rounds.saturating_sub(1) } else { 0 };
        if let Some(key) = single {
            self.split.remove(&key);
        }
        self.own_refusal.take()
    }
}

impl Sealer {
    /// Forgets everything after a round was not stored, and goes on row by row. What fails twice is taken apart: the
    /// sealer's own entries are left out first, then the chain rests if it is one, then the parts of the row are set
    /// aside, and at last the row is passed over.
    pub(super) fn failed(
        &mut self,
        change: &Change,
        (single, refusal): (Option<WaitingKey>, Option<StoreError>),
        round: &mut Round,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.reset();
        round.is_outdated = true;
        let isolation = &mut self.isolation;
        let had_one = mem::replace(&mut isolation.rounds, SINGLE_ROUNDS) > 0;
        let failed = mem::replace(&mut isolation.failed, had_one.then_some(single));
        if !had_one || failed != Some(single) {
            return Ok(());
        }
        let changed = || StoreError::Corrupt("the tables are not as the stored head has it".into());
        let error = refusal.unwrap_or_else(changed);
        let organizations = change.organizations();
        if change.has_own && organizations.len() > 1 {
            isolation.own_refusal = Some(error);
            return Ok(());
        }
        isolation.failed = None;
        isolation.own_refusal = None;
        let fault = match (organizations.as_slice(), single) {
            ([organization], _) => self.chains.rest(*organization, error, now)?,
            (_, Some(key)) if isolation.split.insert(key) => return Ok(()),
            (_, Some(key)) => {
                isolation.split.remove(&key);
                isolation.passed_over.insert(key, now + RETRY_DELAY);
                ChainFault { organization: key.organization, error }
            }
            (_, None) => ChainFault { organization: OrganizationId::INSTALLATION, error },
        };
        round.faults.push(fault);
        Ok(())
    }
}
