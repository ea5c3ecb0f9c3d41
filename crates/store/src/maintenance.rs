//! Maintenance of a store: leases, expiry and health.

use std::{borrow::Cow, time::Duration};

use async_trait::async_trait;
use kernel::{OrganizationId, StoreError, Timestamp};

/// The lease of a task that only one process of an installation may run at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lease {
    /// Extending the audit chain.
    Sealer,
    /// Sending heads of the installation's audit log to witnesses.
    Witnesses,
    /// Fanning out events to deliveries.
    Distributor,
    /// Removing attachments that nobody has linked, and objects that no record names.
    AttachmentSweep,
    /// Letting evidence claims expire.
    EvidenceExpiry,
    /// Counting records for rollups.
    Rollups,
    /// Indexing the titles of records.
    Search,
    /// The import of scans of one tool and scope into one organization, by a hash of these.
    ScanImport(u64),
    /// The import of an uploaded table into an organization.
    TableImport(OrganizationId),
}

impl Lease {
    /// The name in the store.
    #[must_use]
    pub fn name(self) -> Cow<'static, str> {
        match self {
            Self::Sealer => "sealer".into(),
            Self::Witnesses => "witnesses".into(),
            Self::Distributor => "distributor".into(),
            Self::AttachmentSweep => "attachment-sweep".into(),
            Self::EvidenceExpiry => "evidence-expiry".into(),
            Self::Rollups => "rollups".into(),
            Self::Search => "search".into(),
            Self::ScanImport(scan) => format!("scan-import:{scan:016x}").into(),
            Self::TableImport(organization) => format!("table-import:{organization}").into(),
        }
    }
}

/// A time after which every lease has expired. Leases last seconds.
pub const MAX_LEASE_DURATION: Duration = Duration::from_secs(5 * 60);

/// A time that no delivery waits for its next attempt: longer than the longest delay of the retry schedule with its
/// jitter, and than any `Retry-After` that is respected.
pub const MAX_DELIVERY_DELAY: Duration = Duration::from_secs(30 * 60 * 60);

/// The time by which a stored time may be later than the clock allows before it counts as one of the future.
pub const FUTURE_TOLERANCE: Duration = Duration::from_secs(60 * 60);

/// Maintenance operations of a store.
#[async_trait]
pub trait Maintenance: Send + Sync {
    /// Acquires or renews the lease for `duration` from `now`, unless it has another owner. Returns whether `owner` has
    /// it.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn acquire_lease(
        &self,
        lease: Lease,
        owner: &str,
        now: Timestamp,
        duration: Duration,
    ) -> Result<bool, StoreError>;

    /// Releases the lease, if `owner` has it.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn release_lease(&self, lease: Lease, owner: &str) -> Result<(), StoreError>;

    /// Deletes idempotency records that expired before `now`, at most `limit` of them. Returns how many were deleted.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn delete_expired_idempotency_keys(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError>;

    /// Discards state of a time that the clock no longer shows, since it was set back. Leases that would last longer
    /// than any does end, rate-limit buckets that would be full later than any is are deleted, and deliveries that wait
    /// longer than any does become due. Idempotency records and claims that would be stored for over an hour longer than
    /// `idempotency_retention` are stored for that time from `now`, and last uses that are over an hour ahead are set to
    /// `now`. The index of words is taken to be complete up to `now` at most.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn discard_future_state(&self, now: Timestamp, idempotency_retention: Duration) -> Result<(), StoreError>;

    /// Checks that the store can serve requests: it is reachable, has the schema version that this program needs, and
    /// accepts writes, which it proves by a write at most once a second.
    ///
    /// # Errors
    /// [`StoreError`] otherwise.
    async fn check_ready(&self) -> Result<(), StoreError>;

    /// Returns the current time of the clock that all processes of the installation share: that of the database server,
    /// or of the machine if all processes run on one.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn time(&self) -> Result<Timestamp, StoreError>;

    /// Returns the number of events in the outbox that are not fanned out.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn pending_events(&self) -> Result<u64, StoreError>;

    /// Whether no other process was registered as a writer at the last check, about a second ago. If so, all changes
    /// are made by this process.
    fn is_sole_process(&self) -> bool;

    /// Completes the operations in progress and closes the store; further calls fail with [`StoreError::Unavailable`].
    async fn close(&self);
}
