//! The counts of evidence claims.

use std::{collections::BTreeMap, time::Duration};

use evidence::{EvidenceClaim, EvidenceClaimStatus};
use kernel::{Stored, Timestamp, string_enum};

use super::{Counts, Day, Rollup};

/// The number of weeks for which the claims that expire are counted.
pub const EXPIRY_WEEKS: usize = 12;

/// The time before the end of its validity in which a claim counts as expiring.
const EXPIRING: Duration = Duration::from_secs(30 * 24 * 60 * 60);

string_enum! {
    /// The state of a claim that was not withdrawn.
    EvidenceState {
        /// It is approved and valid for longer than 30 days.
        Valid = "valid",
        /// It is approved and expires within 30 days.
        Expiring = "expiring",
        /// Its validity has ended.
        Expired = "expired",
        /// It waits for its review.
        Pending = "pending",
        /// A reviewer rejected it.
        Rejected = "rejected",
    }
}

/// The evidence claims by their states, and those that expire in the next weeks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceCounts {
    /// The time of the count.
    pub counted_at: Timestamp,
    states: BTreeMap<EvidenceState, u64>,
    /// The approved claims that expire in each week from the day of the count on.
    pub expiring: [u64; EXPIRY_WEEKS],
    /// The time at which the claim was made that has waited for its review for longest.
    pub oldest_pending: Option<Timestamp>,
    due_at: Timestamp,
}

impl EvidenceCounts {
    /// Begins a count at `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            counted_at: now,
            states: BTreeMap::new(),
            expiring: [0; EXPIRY_WEEKS],
            oldest_pending: None,
            due_at: Day::of(now).plus(1).start(),
        }
    }

    /// Returns whether no claim was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.states.values().all(|count| *count == 0)
    }

    /// Counts a claim.
    pub fn add(&mut self, claim: &Stored<EvidenceClaim>) {
        let (now, record) = (self.counted_at, &claim.record);
        let ends = record.valid_until;
        let has_ended = ends.is_some_and(|ends| ends <= now);
        let state = match record.status {
            EvidenceClaimStatus::Withdrawn => return,
            EvidenceClaimStatus::Rejected => EvidenceState::Rejected,
            EvidenceClaimStatus::Expired => EvidenceState::Expired,
            // The task that lets claims expire is a little later than the end of their validity.
            EvidenceClaimStatus::Pending | EvidenceClaimStatus::Approved if has_ended => EvidenceState::Expired,
            EvidenceClaimStatus::Pending => EvidenceState::Pending,
            EvidenceClaimStatus::Approved if ends.is_some_and(|ends| ends <= now + EXPIRING) => EvidenceState::Expiring,
            EvidenceClaimStatus::Approved => EvidenceState::Valid,
        };
        *self.states.entry(state).or_default() += 1;
        if state == EvidenceState::Pending {
            let made = claim.meta.created_at;
            self.oldest_pending = Some(self.oldest_pending.map_or(made, |oldest| oldest.min(made)));
        }
        let Some(ends) = ends.filter(|_| !matches!(state, EvidenceState::Rejected | EvidenceState::Expired)) else {
            return;
        };
        for at in [ends, ends - EXPIRING].into_iter().filter(|at| *at > now) {
            self.due_at = self.due_at.min(at);
        }
        let week = (Day::of(ends).0 - Day::of(now).0) / 7;
        if let (true, Ok(week)) = (state != EvidenceState::Pending, usize::try_from(week))
            && let Some(count) = self.expiring.get_mut(week)
        {
            *count += 1;
        }
    }

    /// Returns the number of claims in this state.
    #[must_use]
    pub fn with_state(&self, state: EvidenceState) -> u64 {
        self.states.get(&state).copied().unwrap_or_default()
    }

    /// Returns the time at which a count changes by itself, and the counts as they are stored.
    #[must_use]
    pub fn to_counts(&self) -> (Timestamp, Counts) {
        let mut counts = Counts::default();
        for (state, count) in &self.states {
            counts.set(format_args!("state.{}", state.name()), *count);
        }
        for (week, count) in self.expiring.iter().enumerate() {
            counts.set(format_args!("expiring.{week}"), *count);
        }
        if let Some(oldest) = self.oldest_pending {
            counts.put("oldest_pending".to_owned(), oldest.millis());
        }
        (self.due_at, counts)
    }

    /// Reads stored counts.
    #[must_use]
    pub fn from_rollup(rollup: &Rollup) -> Self {
        let counts = &rollup.counts;
        let mut read = Self { due_at: rollup.due_at, ..Self::new(rollup.counted_at) };
        for state in EvidenceState::ALL {
            let count = counts.count(&format!("state.{}", state.name()));
            if count > 0 {
                read.states.insert(*state, count);
            }
        }
        for (week, count) in read.expiring.iter_mut().enumerate() {
            *count = counts.count(&format!("expiring.{week}"));
        }
        read.oldest_pending = counts.number("oldest_pending").map(Timestamp::from_millis);
        read
    }
}
