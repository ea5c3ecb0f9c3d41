//! The distributor: fans out events from the outbox to deliveries, in one process of the installation at a time.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use kernel::{Clock, Entropy, OrganizationId, StoreError, Timestamp};
use store::{DynStore, Lease};
use webhooks::Audience;

/// Duration of the lease from its last renewal, and so roughly the pause of the fan-out after its owner has died.
const LEASE: Duration = Duration::from_secs(5);

/// The lease is renewed when at most this much of it remains, so that most runs need no write for it.
const RENEWED_WITH: Duration = Duration::from_secs(3);

/// Number of organizations per run.
const ORGANIZATIONS: usize = 64;

/// Maximum number of organizations that are processed concurrently.
const AT_ONCE: usize = 4;

/// Maximum number of events that one transaction fans out.
const BATCH: usize = 200;

/// Approximate number of deliveries that a transaction should create: with a long backlog, sending starts after the
/// first transaction instead of the last.
const DELIVERIES: usize = 1_000;

/// Fans out events while it owns the lease.
pub struct Distributor {
    store: Arc<DynStore>,
    clock: Arc<dyn Clock>,
    holder: String,
    /// When the lease expires; `None` if it may have another owner.
    held_until: Option<Timestamp>,
    /// The last organization of the previous run; `None` to start again with the first.
    after: Option<OrganizationId>,
    /// The organizations whose events must still be fanned out to failing endpoints.
    left: Vec<OrganizationId>,
    /// The number of events per transaction, chosen by the number of deliveries that recent events had.
    batch: usize,
}

/// The result of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Number of events that were fanned out.
    pub events: usize,
    /// Number of their deliveries.
    pub deliveries: usize,
    /// Whether more events may be pending now.
    pub more: bool,
    /// Whether the next run is for failing endpoints, so that it may start a little later.
    pub left: bool,
    /// Whether another process owns the lease.
    pub elsewhere: bool,
}

impl Distributor {
    /// Creates a distributor for this store, without the lease.
    #[must_use]
    pub fn new(store: Arc<DynStore>, clock: Arc<dyn Clock>, entropy: &dyn Entropy) -> Self {
        let owner = entropy.ulid(clock.now()).to_string();
        Self { store, clock, holder: owner, held_until: None, after: None, left: Vec::new(), batch: 1 }
    }

    /// Fans out a batch of events of each organization that has pending ones, if the lease can be acquired: first to
    /// healthy endpoints, and in a separate run to the remaining ones, which may be many.
    ///
    /// # Errors
    /// When the store fails. The fan-out of other organizations is kept.
    pub async fn round(&mut self) -> Result<Round, StoreError> {
        if !self.left.is_empty() {
            let left = std::mem::take(&mut self.left);
            return self.distribute(left, Audience::All, true).await;
        }
        // This read needs no lease, so that an idle installation writes nothing.
        let pending = self.store.undistributed(self.after, ORGANIZATIONS).await?;
        // The next run continues after these organizations, or starts again with the first: no organization has to wait
        // until the events of another are exhausted.
        let previous_position =
            std::mem::replace(&mut self.after, pending.last().copied().filter(|_| pending.len() == ORGANIZATIONS));
        if pending.is_empty() {
            return Ok(Round { more: previous_position.is_some(), ..Round::default() });
        }
        self.distribute(pending, Audience::Sound, self.after.is_some()).await
    }

    /// Fans out the events of these organizations. `more` says whether other organizations have pending events.
    async fn distribute(
        &mut self,
        organizations: Vec<OrganizationId>,
        phase: Audience,
        more: bool,
    ) -> Result<Round, StoreError> {
        if !self.hold().await? {
            return Ok(Round { elsewhere: true, ..Round::default() });
        }
        let mut summary = Round { more, ..Round::default() };
        let mut first_error = None;
        let (now, batch, owner, store) = (self.clock.now(), self.batch, &self.holder, &self.store);
        let results = stream::iter(organizations)
            .map(async |organization| (organization, store.distribute(organization, owner, now, batch, phase).await));
        let mut max_fan_out = 0;
        for (organization, result) in results.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await {
            match result {
                Ok(result) => {
                    summary.events += result.events;
                    summary.deliveries += result.deliveries;
                    summary.more |= result.events == batch && !result.left;
                    max_fan_out = max_fan_out.max(result.deliveries.div_ceil(result.events.max(1)));
                    self.left.extend(result.left.then_some(organization));
                }
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        summary.left = !self.left.is_empty();
        if summary.events == 0 {
            // Another process has fanned out the events, or the lease is lost.
            self.held_until = None;
        } else if !summary.left {
            self.batch = (DELIVERIES / max_fan_out.max(1)).clamp(1, BATCH);
        }
        first_error.map_or(Ok(summary), Err)
    }

    async fn hold(&mut self) -> Result<bool, StoreError> {
        let now = self.clock.now();
        if self.held_until.is_some_and(|until| until.since(now) > RENEWED_WITH) {
            return Ok(true);
        }
        let is_owner = self.store.hold(Lease::Distributor, &self.holder, now, LEASE).await?;
        self.held_until = is_owner.then_some(now + LEASE);
        Ok(is_owner)
    }

    /// Releases the lease, for a server that stops.
    ///
    /// # Errors
    /// When the store fails; the lease then expires on its own.
    pub async fn resign(&mut self) -> Result<(), StoreError> {
        match self.held_until.take() {
            Some(_) => self.store.release(Lease::Distributor, &self.holder).await,
            None => Ok(()),
        }
    }
}
