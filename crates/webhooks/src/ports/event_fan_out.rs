//! The port of the distributor: the fan-out of events to deliveries.

use async_trait::async_trait;
use kernel::{OrganizationId, StoreError, Timestamp};

#[cfg(doc)]
use crate::partition::DeliveryHealth;

/// The subscriptions that an event is fanned out to. Healthy endpoints go first, so that their deliveries don't wait
/// until those to others are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FanOutPhase {
    /// Only the subscriptions whose endpoints are healthy ([`DeliveryHealth::is_healthy`]).
    Healthy,
    /// All subscriptions that select the event.
    Remaining,
}

/// The result of fanning out a batch of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FanOut {
    /// Number of events that were processed.
    pub events: usize,
    /// Number of their deliveries, including those that existed before.
    pub deliveries: usize,
    /// Whether the events stay pending for the remaining subscriptions.
    pub remaining: bool,
}

/// The fan-out of events from the outbox to deliveries.
#[async_trait]
pub trait EventFanOut: Send + Sync {
    /// Returns the organizations that have events to fan out, ordered by identifier, after `after`, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn pending_organizations(
        &self,
        after: Option<OrganizationId>,
        limit: usize,
    ) -> Result<Vec<OrganizationId>, StoreError>;

    /// Fans out the organization's pending events to deliveries ([`crate::deliveries_for`]) and makes their partitions
    /// due, in one transaction: at most `limit` events, oldest first, those of one record in the order of its
    /// revisions. Does nothing unless `owner` has [`Lease::Distributor`](../store/enum.Lease.html). An event whose name
    /// is not in the catalogue stays pending for a server that supports it. With [`FanOutPhase::Healthy`] the events
    /// stay pending for the remaining subscriptions, if there are any. If no healthy subscription selects them, they
    /// are fanned out to all immediately.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn fan_out(
        &self,
        organization: OrganizationId,
        owner: &str,
        now: Timestamp,
        limit: usize,
        phase: FanOutPhase,
    ) -> Result<FanOut, StoreError>;
}
