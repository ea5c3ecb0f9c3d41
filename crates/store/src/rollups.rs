//! Rollups: counts of an organization's records, stored beside them so that no page counts. A background task keeps them.
//!
//! The counts of one [`RollupPart`] are stored and replaced as a whole, with the time up to which they are complete. Each
//! part has a type that counts records and reads what was stored: [`FindingCounts`], [`EvidenceCounts`],
//! [`SubmissionCounts`] and [`DeliveryCounts`]. Calls of service accounts, which are no records, are added up in
//! [`AccountCalls`].

mod calls;
mod counts;
mod currency;
mod deliveries;
mod evidence;
mod findings;
mod history;
mod submissions;
mod views;

use async_trait::async_trait;
use auth::AccountId;
use kernel::{OrganizationId, StoreError, Timestamp, string_enum};

pub use calls::{AccountCalls, CallSpan, CallTotals, MAX_LISTED_CALLS};
pub use counts::Counts;
pub use currency::is_current;
pub use deliveries::DeliveryCounts;
pub use evidence::{EXPIRY_WEEKS, EvidenceCounts, EvidenceState};
pub use findings::{AgeBucket, FindingCounts};
pub use history::{Day, MAX_DAYS, OpenFindings, OpenHistory};
pub use submissions::{DueBucket, MAX_NEXT_SUBMISSIONS, SubmissionCounts};
pub use views::{
    calls_by_hour, calls_by_minute, calls_in_last_week, delivery_counts, evidence_counts, finding_counts,
    submission_counts,
};

string_enum! {
    /// A part of the counts of an organization.
    RollupPart {
        /// The findings that are open.
        Findings = "findings",
        /// The evidence claims.
        Evidence = "evidence",
        /// The submission packages that are due.
        Submissions = "submissions",
        /// The webhook deliveries that wait.
        Deliveries = "deliveries",
    }
}

/// The stored counts of one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollup {
    /// The part.
    pub part: RollupPart,
    /// The low watermark of the count: every change with an earlier timestamp is counted.
    pub as_of: Timestamp,
    /// The time of the count, by the clock.
    pub counted_at: Timestamp,
    /// The time at which a count changes although no record does, because something becomes overdue, expires or ages.
    pub due_at: Timestamp,
    /// The counts.
    pub counts: Counts,
}

/// Stores counts. Each is counted again from the records if it is lost, except the calls.
#[async_trait]
pub trait Rollups: Send + Sync {
    /// Returns the counts of all parts that were counted, in the order of [`RollupPart`].
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn rollups(&self, organization: OrganizationId) -> Result<Vec<Rollup>, StoreError>;

    /// Replaces the counts of a part, and the open findings of these days, atomically. Days before `oldest` are deleted.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn replace_rollup(
        &self,
        organization: OrganizationId,
        rollup: &Rollup,
        days: &[OpenFindings],
        oldest: Day,
    ) -> Result<(), StoreError>;

    /// Returns the open findings at the ends of days, from `first` on, oldest first, at most [`MAX_DAYS`]. Days that were
    /// not counted are missing.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn open_findings(&self, organization: OrganizationId, first: Day) -> Result<Vec<OpenFindings>, StoreError>;

    /// Adds calls to the stored ones, in one transaction. Concurrent additions of several processes add up.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails. Then nothing is added.
    async fn add_calls(&self, calls: &[AccountCalls]) -> Result<(), StoreError>;

    /// Returns the calls of these accounts in the spans that began at `from` or later, ordered by account and time, at
    /// most [`MAX_LISTED_CALLS`] of each account.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn calls(
        &self,
        organization: OrganizationId,
        accounts: &[AccountId],
        span: CallSpan,
        from: Timestamp,
    ) -> Result<Vec<AccountCalls>, StoreError>;

    /// Deletes calls past their retention ([`CallSpan::retention`]), at most `limit` of each span. Returns how many were
    /// deleted.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn prune_calls(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError>;
}
