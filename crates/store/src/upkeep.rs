//! What keeps a store in order: leases, expiry and readiness.

use std::time::Duration;

use async_trait::async_trait;
use kernel::{StoreError, Timestamp};

/// A task only one process of an installation does at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lease {
    /// Sealing the audit chain.
    Sealer,
    /// Turning events into deliveries.
    Distributor,
}

impl Lease {
    /// The word a store keeps it under.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sealer => "sealer",
            Self::Distributor => "distributor",
        }
    }
}

/// Keeps a store in order.
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// Takes the lease, or renews it, for `span` from `now`, unless another holder has it. Says whether `holder` has it.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn hold(&self, lease: Lease, holder: &str, now: Timestamp, span: Duration) -> Result<bool, StoreError>;

    /// Gives the lease up, if `holder` has it.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn release(&self, lease: Lease, holder: &str) -> Result<(), StoreError>;

    /// Forgets idempotency records that expired before `now`, at most `limit` of them. Says how many went.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn forget_expired(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError>;

    /// Answers when the store can serve: reachable and at the schema this program needs.
    ///
    /// # Errors
    /// [`StoreError`] when it can't.
    async fn ready(&self) -> Result<(), StoreError>;

    /// The present moment by the one clock that all processes over the store share; where one machine has them all, by its
    /// own.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn time(&self) -> Result<Timestamp, StoreError>;

    /// How many events wait in the outbox to be distributed.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn pending_events(&self) -> Result<u64, StoreError>;

    /// Whether no other process that stores something was over the store when it was last looked, a second ago or so:
    /// whatever happens, this one does itself.
    fn alone(&self) -> bool;

    /// Finishes what is under way and closes; further calls are [`StoreError::Unavailable`].
    async fn close(&self);
}
