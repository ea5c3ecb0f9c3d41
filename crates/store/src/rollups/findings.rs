//! The counts of open findings.

use std::{collections::BTreeMap, time::Duration};

use findings::{Finding, Severity, Status};
use kernel::{Stored, Timestamp, string_enum};

use super::{Counts, Day, OpenFindings, Rollup};

string_enum! {
    /// The age of a finding since it was recorded, in whole days.
    AgeBucket {
        /// At most 7 days.
        Week = "0",
        /// 8 to 30 days.
        Month = "8",
        /// 31 to 90 days.
        Quarter = "31",
        /// 91 to 180 days.
        Half = "91",
        /// More than 180 days.
        Older = "181",
    }
}

impl AgeBucket {
    /// Returns the age of a finding that was recorded at `created_at`.
    #[must_use]
    pub fn of(created_at: Timestamp, now: Timestamp) -> Self {
        let age = now.since(created_at);
        let reached = |bucket: &&Self| age >= bucket.from();
        Self::ALL.iter().rev().find(reached).copied().unwrap_or(Self::Week)
    }

    /// The lowest age in the bucket.
    fn from(self) -> Duration {
        let days = match self {
            Self::Week => 0,
            Self::Month => 8,
            Self::Quarter => 31,
            Self::Half => 91,
            Self::Older => 181,
        };
        Duration::from_secs(days * 24 * 60 * 60)
    }
}

/// The open findings, those that await remediation, by severity, status and age, and those of them that are overdue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingCounts {
    /// The time of the count.
    pub counted_at: Timestamp,
    open: BTreeMap<(Severity, Status, AgeBucket), u64>,
    overdue: BTreeMap<Severity, u64>,
    /// The due date of the finding that has been overdue for longest.
    pub oldest_due: Option<Timestamp>,
    due_at: Timestamp,
}

impl FindingCounts {
    /// Begins a count at `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        let midnight = Day::of(now).plus(1).start();
        Self { counted_at: now, open: BTreeMap::new(), overdue: BTreeMap::new(), oldest_due: None, due_at: midnight }
    }

    /// Counts a finding, if it is open.
    pub fn add(&mut self, finding: &Stored<Finding>) {
        let (now, record, created_at) = (self.counted_at, &finding.record, finding.meta.created_at);
        if !Status::AWAITING_REMEDIATION.contains(&record.status) {
            return;
        }
        let age = AgeBucket::of(created_at, now);
        *self.open.entry((record.severity, record.status, age)).or_default() += 1;
        let next_age = AgeBucket::ALL.iter().map(|bucket| created_at + bucket.from()).find(|at| *at > now);
        let next_due = record.due_at.filter(|due_at| *due_at > now);
        for at in [next_age, next_due].into_iter().flatten() {
            self.due_at = self.due_at.min(at);
        }
        if let Some(due_at) = record.due_at.filter(|due_at| *due_at <= now) {
            *self.overdue.entry(record.severity).or_default() += 1;
            self.oldest_due = Some(self.oldest_due.map_or(due_at, |oldest| oldest.min(due_at)));
        }
    }

    /// Returns the number of open findings of which `matches` is true.
    pub fn open(&self, matches: impl Fn(Severity, Status, AgeBucket) -> bool) -> u64 {
        let counts = self.open.iter().filter(|((severity, status, age), _)| matches(*severity, *status, *age));
        counts.map(|(_, count)| count).sum()
    }

    /// Returns the number of all open findings.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.open.values().sum()
    }

    /// Returns the number of open findings with one of these severities.
    #[must_use]
    pub fn with_severity(&self, severities: &[Severity]) -> u64 {
        self.open(|severity, _, _| severities.contains(&severity))
    }

    /// Returns the number of open findings with one of these statuses.
    #[must_use]
    pub fn with_status(&self, statuses: &[Status]) -> u64 {
        self.open(|_, status, _| statuses.contains(&status))
    }

    /// Returns the number of open findings that are overdue.
    #[must_use]
    pub fn overdue(&self) -> u64 {
        self.overdue.values().sum()
    }

    /// Returns the numbers by severity as those of the day of the count.
    #[must_use]
    pub fn today(&self) -> OpenFindings {
        let mut counts = [0; Severity::ALL.len()];
        for severity in Severity::ALL {
            counts[*severity as usize] = self.with_severity(&[*severity]);
        }
        OpenFindings { day: Day::of(self.counted_at), counts }
    }

    /// Returns the time at which a count changes by itself, and the counts as they are stored.
    #[must_use]
    pub fn to_counts(&self) -> (Timestamp, Counts) {
        let mut counts = Counts::default();
        for ((severity, status, age), count) in &self.open {
            counts.set(format_args!("open.{}.{}.{}", severity.name(), status.name(), age.name()), *count);
        }
        for (severity, count) in &self.overdue {
            counts.set(format_args!("overdue.{}", severity.name()), *count);
        }
        if let Some(oldest) = self.oldest_due {
            counts.put("oldest_due".to_owned(), oldest.millis());
        }
        (self.due_at, counts)
    }

    /// Reads stored counts. Names that this program does not know are left out.
    #[must_use]
    pub fn from_rollup(rollup: &Rollup) -> Self {
        let mut read = Self { due_at: rollup.due_at, ..Self::new(rollup.counted_at) };
        for (name, number) in rollup.counts.below("open") {
            if let (Some(key), Ok(count)) = (open_key(name), u64::try_from(number)) {
                read.open.insert(key, count);
            }
        }
        for severity in Severity::ALL {
            let count = rollup.counts.count(&format!("overdue.{}", severity.name()));
            if count > 0 {
                read.overdue.insert(*severity, count);
            }
        }
        read.oldest_due = rollup.counts.number("oldest_due").map(Timestamp::from_millis);
        read
    }
}

fn open_key(name: &str) -> Option<(Severity, Status, AgeBucket)> {
    let (severity, rest) = name.split_once('.')?;
    let (status, age) = rest.split_once('.')?;
    Some((
        *Severity::ALL.iter().find(|one| one.name() == severity)?,
        *Status::ALL.iter().find(|one| one.name() == status)?,
        *AgeBucket::ALL.iter().find(|one| one.name() == age)?,
    ))
}
