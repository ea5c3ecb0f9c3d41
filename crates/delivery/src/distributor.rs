//! The distributor: fans out events from the outbox to deliveries, in one process of the installation at a time.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use kernel::{Clock, Entropy, OrganizationId, StoreError, Timestamp};
use store::{DynStore, Lease};
use webhooks::FanOutPhase;

/// Duration of the lease from its last renewal, and so roughly the pause of the fan-out after its owner has died.
const LEASE_DURATION: Duration = Duration::from_secs(4);

/// The lease is renewed when at most this much of it remains, so that most runs need no write for it.
const RENEW_BEFORE_EXPIRY: Duration = Duration::from_millis(2500);

/// Number of organizations per run.
const ORGANIZATIONS_PER_RUN: usize = 64;

/// Maximum number of organizations that are processed concurrently.
const MAX_CONCURRENT_ORGANIZATIONS: usize = 4;

/// Maximum number of events that one transaction fans out.
const MAX_EVENTS_PER_TRANSACTION: usize = 200;

/// Approximate number of deliveries that a transaction should create: with a long backlog, sending starts after the
/// first transaction instead of the last.
const TARGET_DELIVERIES_PER_TRANSACTION: usize = 1_000;

/// Fans out events while it owns the lease.
pub struct Distributor {
    store: Arc<DynStore>,
    clock: Arc<dyn Clock>,
    owner: String,
    /// The expiry of the lease; `None` if it may have another owner.
    lease_expires_at: Option<Timestamp>,
    /// The last organization of the previous run; `None` to start again with the first.
    after: Option<OrganizationId>,
    /// The organizations whose events must still be fanned out to failing endpoints.
    remaining: Vec<OrganizationId>,
    /// The number of events per transaction, chosen by the number of deliveries that recent events had.
    batch_size: usize,
}

/// The result of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FanOutSummary {
    /// Number of events that were fanned out.
    pub events: usize,
    /// Number of their deliveries.
    pub deliveries: usize,
    /// Whether more events may be pending now.
    pub has_more: bool,
    /// Whether the next run is for failing endpoints, so that it may start a little later.
    pub remaining: bool,
    /// Whether another process owns the lease.
    pub leased_elsewhere: bool,
}

impl Distributor {
    /// Creates a distributor for this store, without the lease.
    #[must_use]
    pub fn new(store: Arc<DynStore>, clock: Arc<dyn Clock>, entropy: &dyn Entropy) -> Self {
        let owner = entropy.ulid(clock.now()).to_string();
        Self { store, clock, owner, lease_expires_at: None, after: None, remaining: Vec::new(), batch_size: 1 }
    }

    /// Fans out a batch of events of each organization that has pending ones, if the lease can be acquired: first to
    /// healthy endpoints, and in a separate run to the remaining ones, which may be many.
    ///
    /// # Errors
    /// When the store fails. The fan-out of other organizations is kept.
    pub async fn run_once(&mut self) -> Result<FanOutSummary, StoreError> {
        if !self.remaining.is_empty() {
            let organizations = std::mem::take(&mut self.remaining);
            return self.fan_out(organizations, FanOutPhase::Remaining, true).await;
        }
        // This read needs no lease, so that an idle installation writes nothing.
        let pending = self.store.pending_organizations(self.after, ORGANIZATIONS_PER_RUN).await?;
        // The next run continues after these organizations, or starts again with the first: no organization has to wait
        // until the events of another are exhausted.
        let previous_position = std::mem::replace(
            &mut self.after,
            pending.last().copied().filter(|_| pending.len() == ORGANIZATIONS_PER_RUN),
        );
        if pending.is_empty() {
            return Ok(FanOutSummary { has_more: previous_position.is_some(), ..FanOutSummary::default() });
        }
        self.fan_out(pending, FanOutPhase::Healthy, self.after.is_some()).await
    }

    /// Fans out the events of these organizations. `more` says whether other organizations have pending events.
    async fn fan_out(
        &mut self,
        organizations: Vec<OrganizationId>,
        phase: FanOutPhase,
        more: bool,
    ) -> Result<FanOutSummary, StoreError> {
        if !self.acquire_lease().await? {
            return Ok(FanOutSummary { leased_elsewhere: true, ..FanOutSummary::default() });
        }
        let mut summary = FanOutSummary { has_more: more, ..FanOutSummary::default() };
        let mut first_error = None;
        let (now, batch, owner, store) = (self.clock.now(), self.batch_size, &self.owner, &self.store);
        let results = stream::iter(organizations)
            .map(async |organization| (organization, store.fan_out(organization, owner, now, batch, phase).await));
        let mut max_fan_out = 0;
        for (organization, result) in results.buffer_unordered(MAX_CONCURRENT_ORGANIZATIONS).collect::<Vec<_>>().await {
            match result {
                Ok(result) => {
                    summary.events += result.events;
                    summary.deliveries += result.deliveries;
                    summary.has_more |= result.events == batch && !result.remaining;
                    max_fan_out = max_fan_out.max(result.deliveries.div_ceil(result.events.max(1)));
                    self.remaining.extend(result.remaining.then_some(organization));
                }
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        summary.remaining = !self.remaining.is_empty();
        if summary.events == 0 {
            // Another process has fanned out the events, or the lease is lost.
            self.lease_expires_at = None;
        } else if !summary.remaining {
            self.batch_size =
                (TARGET_DELIVERIES_PER_TRANSACTION / max_fan_out.max(1)).clamp(1, MAX_EVENTS_PER_TRANSACTION);
        }
        first_error.map_or(Ok(summary), Err)
    }

    async fn acquire_lease(&mut self) -> Result<bool, StoreError> {
        let now = self.clock.now();
        // A lease that expires later than any is from before the clock was set back.
        let renew_after = |expires_at: Timestamp| expires_at.since(now) > RENEW_BEFORE_EXPIRY;
        if self.lease_expires_at.is_some_and(|at| renew_after(at) && at <= now + LEASE_DURATION) {
            return Ok(true);
        }
        let is_owner = self.store.acquire_lease(Lease::Distributor, &self.owner, now, LEASE_DURATION).await?;
        self.lease_expires_at = is_owner.then_some(now + LEASE_DURATION);
        Ok(is_owner)
    }

    /// Releases the lease, for a server that stops.
    ///
    /// # Errors
    /// When the store fails; the lease then expires on its own.
    pub async fn release_lease(&mut self) -> Result<(), StoreError> {
        match self.lease_expires_at.take() {
            Some(_) => self.store.release_lease(Lease::Distributor, &self.owner).await,
            None => Ok(()),
        }
    }
}
