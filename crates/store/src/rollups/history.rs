//! The open findings at the ends of days.

use std::collections::BTreeMap;

use findings::{Finding, Severity, Status};
use kernel::{Stored, Timestamp};

/// The number of days that are stored: a year, and the rest of a month.
pub const MAX_DAYS: usize = 400;

const MILLIS: i64 = 24 * 60 * 60 * 1000;

/// A day in UTC, by its number since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i64);

impl Day {
    /// Returns the day of a time.
    #[must_use]
    pub const fn of(time: Timestamp) -> Self {
        Self(time.millis().div_euclid(MILLIS))
    }

    /// Returns the first moment of the day.
    #[must_use]
    pub const fn start(self) -> Timestamp {
        Timestamp::from_millis(self.0.saturating_mul(MILLIS))
    }

    /// Returns the day this many days later, or earlier if the number is negative.
    #[must_use]
    pub const fn plus(self, days: i64) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// Returns the oldest day that is stored on this day.
    #[must_use]
    pub const fn oldest_stored(self) -> Self {
        self.plus(1 - MAX_DAYS as i64)
    }
}

/// The number of open findings at the end of a day, by severity, in the order of [`Severity::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFindings {
    /// The day.
    pub day: Day,
    /// The numbers.
    pub counts: [u64; Severity::ALL.len()],
}

impl OpenFindings {
    /// Returns the number with this severity.
    #[must_use]
    pub const fn with(&self, severity: Severity) -> u64 {
        self.counts[severity as usize]
    }

    /// Returns the number of all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// Computes the open findings of past days from the records, as far as their times allow it: a finding counts as open from
/// its creation until it was closed or accepted, or else until the last change of one that is verified or archived. That a
/// finding was reopened, or had another severity, is not visible in its record.
#[derive(Clone, Debug)]
pub struct OpenHistory {
    first: Day,
    last: Day,
    changes: BTreeMap<Day, [i64; Severity::ALL.len()]>,
}

impl OpenHistory {
    /// Begins the history of the days from `first` to `last`.
    #[must_use]
    pub const fn new(first: Day, last: Day) -> Self {
        Self { first, last, changes: BTreeMap::new() }
    }

    /// Adds a finding.
    pub fn add(&mut self, finding: &Stored<Finding>) {
        let Stored { meta, record } = finding;
        let severity = record.severity as usize;
        let opened = Day::of(meta.created_at).max(self.first);
        let closed = (!Status::AWAITING_REMEDIATION.contains(&record.status))
            .then(|| Day::of(record.closed_at.unwrap_or(meta.updated_at)).max(self.first));
        if closed.is_some_and(|closed| closed <= opened) {
            return;
        }
        self.changes.entry(opened).or_default()[severity] += 1;
        if let Some(closed) = closed {
            self.changes.entry(closed).or_default()[severity] -= 1;
        }
    }

    /// Returns the open findings of each day, oldest first.
    #[must_use]
    pub fn days(&self) -> Vec<OpenFindings> {
        let mut open = [0i64; Severity::ALL.len()];
        let days = (self.first.0..=self.last.0).map(|day| {
            if let Some(changes) = self.changes.get(&Day(day)) {
                for (open, change) in open.iter_mut().zip(changes) {
                    *open += change;
                }
            }
            OpenFindings { day: Day(day), counts: open.map(|count| u64::try_from(count).unwrap_or_default()) }
        });
        days.collect()
    }
}
