//! The counts of submission packages that are due.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use kernel::{Id, Stored, Timestamp, string_enum};
use submissions::SubmissionPackage;

use super::{Counts, Day, Rollup};

/// The number of packages that are listed as the next ones.
pub const MAX_NEXT_SUBMISSIONS: usize = 5;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

string_enum! {
    /// The time until a package is due.
    DueBucket {
        /// It was due before.
        Overdue = "overdue",
        /// Within 7 days.
        Week = "7",
        /// Within 8 to 30 days.
        Month = "30",
        /// Within 31 to 90 days.
        Quarter = "90",
    }
}

impl DueBucket {
    /// The time until the last moment of the bucket.
    const fn until(self) -> Duration {
        Duration::from_secs(match self {
            Self::Overdue => 0,
            Self::Week => 7 * DAY.as_secs(),
            Self::Month => 30 * DAY.as_secs(),
            Self::Quarter => 90 * DAY.as_secs(),
        })
    }
}

/// The packages that are to be submitted, for the first time or after a rejection, and are due within 90 days or overdue, and
/// the next of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubmissionCounts {
    /// The time of the count.
    pub counted_at: Timestamp,
    due: BTreeMap<DueBucket, u64>,
    next: BTreeSet<(Timestamp, Id<SubmissionPackage>)>,
    due_at: Timestamp,
}

impl SubmissionCounts {
    /// Begins a count at `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        let midnight = Day::of(now).plus(1).start();
        Self { counted_at: now, due: BTreeMap::new(), next: BTreeSet::new(), due_at: midnight }
    }

    /// Counts a package, if it is to be submitted and has a due date.
    pub fn add(&mut self, package: &Stored<SubmissionPackage>) {
        let (now, record) = (self.counted_at, &package.record);
        let Some(due_at) = record.due_at.filter(|_| record.status.awaits_submission()) else { return };
        let changes = DueBucket::ALL.iter().map(|bucket| due_at - bucket.until()).filter(|at| *at > now);
        self.due_at = changes.fold(self.due_at, Timestamp::min);
        let Some(bucket) = DueBucket::ALL.iter().find(|bucket| due_at <= now + bucket.until()) else { return };
        *self.due.entry(*bucket).or_default() += 1;
        self.next.insert((due_at, package.meta.id));
        if self.next.len() > MAX_NEXT_SUBMISSIONS {
            self.next.pop_last();
        }
    }

    /// Returns the number of packages in these buckets.
    #[must_use]
    pub fn due(&self, buckets: &[DueBucket]) -> u64 {
        buckets.iter().filter_map(|bucket| self.due.get(bucket)).sum()
    }

    /// Returns the packages that are due first, overdue ones included, with their due dates.
    pub fn next(&self) -> impl Iterator<Item = (Timestamp, Id<SubmissionPackage>)> {
        self.next.iter().copied()
    }

    /// Returns the time at which a count changes by itself, and the counts as they are stored.
    #[must_use]
    pub fn to_counts(&self) -> (Timestamp, Counts) {
        let mut counts = Counts::default();
        for (bucket, count) in &self.due {
            counts.set(format_args!("due.{}", bucket.name()), *count);
        }
        for (due_at, id) in &self.next {
            counts.put(format!("next.{}", id.ulid()), due_at.millis());
        }
        (self.due_at, counts)
    }

    /// Reads stored counts.
    #[must_use]
    pub fn from_rollup(rollup: &Rollup) -> Self {
        let counts = &rollup.counts;
        let mut read = Self { due_at: rollup.due_at, ..Self::new(rollup.counted_at) };
        for bucket in DueBucket::ALL {
            let count = counts.count(&format!("due.{}", bucket.name()));
            if count > 0 {
                read.due.insert(*bucket, count);
            }
        }
        let next = counts.below("next").filter_map(|(id, due_at)| Some((due_at, id.parse().ok()?)));
        read.next.extend(next.map(|(due_at, id)| (Timestamp::from_millis(due_at), Id::new(id))));
        read
    }
}
