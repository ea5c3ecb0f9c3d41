//! The port of the delivery workers: leases of partitions, their due deliveries, and the results of attempts.

use async_trait::async_trait;
use bytes::Bytes;
use kernel::{Id, Revision, StoreError, Stored, Timestamp};

use crate::{
    delivery::WebhookDelivery,
    partition::{DeliveryHealth, Partition},
};

/// An acquired lease of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionLease {
    /// The leased partition.
    pub partition: Partition,
    /// The stored health of its deliveries.
    pub health: DeliveryHealth,
}

/// A delivery that is due, with the body to send.
#[derive(Clone, Debug, PartialEq)]
pub struct DueDelivery {
    /// The delivery.
    pub delivery: Stored<WebhookDelivery>,
    /// The rendered body of the event.
    pub body: Bytes,
}

/// A changed delivery after an attempt; it is stored only if the delivery still has the revision of `before`.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliveryUpdate {
    /// The delivery before the attempt.
    pub before: Stored<WebhookDelivery>,
    /// The delivery after the attempt.
    pub after: Stored<WebhookDelivery>,
}

/// A delivery that was changed concurrently, so that its update was not stored: it must be read again.
pub type StaleDelivery = Id<WebhookDelivery>;

/// The queue of due deliveries. A worker leases a partition, attempts its due deliveries, records the results and
/// releases it.
///
/// Leases are stored in rows and compared with the timestamps that callers pass, which come from the installation's
/// clock. Changes that API callers request go through [`kernel::Ledger::commit`]: a commit that stores a due delivery
/// or a subscription makes its partition due.
#[async_trait]
pub trait PartitionQueue: Send + Sync {
    /// Returns the partitions that are due at `now` and not leased, the longest-waiting first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn due_partitions(&self, now: Timestamp, limit: usize) -> Result<Vec<Partition>, StoreError>;

    /// As [`Self::due_partitions`], only those whose endpoints are healthy ([`DeliveryHealth::is_healthy`]).
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn due_healthy_partitions(&self, now: Timestamp, limit: usize) -> Result<Vec<Partition>, StoreError>;

    /// Acquires leases until `expires_at` of those of the partitions that are still due at `now` and not leased.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then no lease is acquired.
    async fn acquire_partitions(
        &self,
        partitions: &[Partition],
        owner: &str,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Vec<PartitionLease>, StoreError>;

    /// Extends all partition leases of this owner to `expires_at`. A partition that another owner has acquired in the
    /// meantime stays with it; a lease that has only expired is renewed.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn renew_partitions(&self, owner: &str, expires_at: Timestamp) -> Result<(), StoreError>;

    /// Returns the current revisions of the partition's subscription and of its account; `None` if one does not exist.
    /// The read starts after the call; concurrent calls may share one read.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn partition_revisions(&self, partition: Partition) -> Result<Option<(Revision, Revision)>, StoreError>;

    /// Returns the partition's due deliveries, at most `limit`, in [`WebhookDelivery::due_order`].
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn due_deliveries(
        &self,
        partition: Partition,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<DueDelivery>, StoreError>;

    /// Stores the results of attempts, each if the delivery still has its previous revision, and the partition's health
    /// if given. Returns the deliveries that were changed concurrently. `updated_at` may be stored slightly later than
    /// `after` has it, so that lists by time of change miss no delivery.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn record_results(
        &self,
        partition: Partition,
        updates: &[DeliveryUpdate],
        health: Option<DeliveryHealth>,
    ) -> Result<Vec<StaleDelivery>, StoreError>;

    /// Cancels unfinished deliveries of the partition, at most `limit`, those that were attempted first. Returns how many were cancelled.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn cancel_deliveries(&self, partition: Partition, now: Timestamp, limit: usize) -> Result<u64, StoreError>;

    /// Releases the lease of the partition and stores when the partition is due next. Returns `false`, and keeps the
    /// lease, when a delivery is due at `now`, or when the partition was made due since the lease was acquired or since
    /// the last such `false`: then the subscription must be read again as well. With `suspended`, deliveries in the
    /// partition don't make it due; only a new wake-up does. A partition whose lease was lost counts as released.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn release_partition(
        &self,
        partition: Partition,
        owner: &str,
        now: Timestamp,
        suspended: bool,
    ) -> Result<bool, StoreError>;

    /// Releases all partition leases of this owner, for a server that stops. The partitions stay due.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn release_all_partitions(&self, owner: &str) -> Result<(), StoreError>;
}
