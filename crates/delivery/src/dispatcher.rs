//! The dispatcher: acquires leases of due partitions and runs a worker for each.

use std::{sync::Arc, time::Duration};

use kernel::{Clock, Entropy, StoreError, Timestamp};
use store::DynStore;
use tokio::{task::JoinSet, time::timeout};
use webhooks::{Secrets, Sender};

use crate::{
    Observer,
    lane::{self, Office},
    room::Room,
    tenure::{LEASE, Tenure},
};

/// Maximum number of partitions that are acquired in one cycle.
const LANES: usize = 512;

/// How many partitions this process leases per attempt that may be in flight. Partitions that wait for a permit are
/// leased as well; further ones are left to other servers.
const HELD_PER_PLACE: usize = 4;

/// The dependencies and settings of the delivery workers.
pub struct Means {
    /// The store of deliveries.
    pub store: Arc<DynStore>,
    /// The client that sends messages.
    pub sender: Arc<dyn Sender>,
    /// Signs messages.
    pub secrets: Arc<dyn Secrets>,
    /// The clock of the installation.
    pub clock: Arc<dyn Clock>,
    /// Source of randomness for identifiers and for the jitter of retries.
    pub entropy: Arc<dyn Entropy>,
    /// Receives events for metrics.
    pub observer: Arc<dyn Observer>,
    /// Maximum number of attempts in flight.
    pub concurrency: usize,
}

/// How far the timestamp of an event may be ahead of the clock. Without this tolerance, an event might not be due yet
/// when its notification arrives.
const LEAD: Duration = Duration::from_millis(20);

impl Means {
    /// Deliveries that are due at or before this time are sent now.
    pub(crate) fn due_by(&self) -> Timestamp {
        self.clock.now() + LEAD
    }
}

/// Runs a worker for each partition that this process leases.
pub struct Dispatcher {
    office: Arc<Office>,
    tenure: Arc<Tenure>,
    workers: JoinSet<()>,
    most: usize,
}

impl Dispatcher {
    /// Creates a dispatcher without leases.
    #[must_use]
    pub fn new(services: Means) -> Self {
        let session = Arc::new(Tenure::begin(&*services.entropy, services.clock.now()));
        let max_partitions = services.concurrency.max(1).saturating_mul(HELD_PER_PLACE);
        let limits = Room::of(services.concurrency);
        Self {
            office: Arc::new(Office::new(services, limits)),
            tenure: session,
            workers: JoinSet::new(),
            most: max_partitions,
        }
    }

    /// Acquires due partitions and starts a worker for each. Returns whether more may be due.
    ///
    /// # Errors
    /// When the store fails; then no partition is acquired.
    pub async fn round(&mut self) -> Result<bool, StoreError> {
        while self.workers.try_join_next().is_some() {}
        let limit = LANES.min(self.most - self.workers.len().min(self.most));
        if limit == 0 {
            return Ok(false);
        }
        let services = &self.office.means;
        let due = services.store.lanes_due(services.due_by(), limit).await?;
        let found = due.len();
        if found == 0 {
            return Ok(false);
        }
        self.renew_tenure();
        let (context, session) = (Arc::clone(&self.office), Arc::clone(&self.tenure));
        let services = &context.means;
        let leases =
            services.store.claim(&due, &session.holder, services.due_by(), services.clock.now() + LEASE).await?;
        for lease in leases {
            self.workers.spawn(lane::work(Arc::clone(&context), Arc::clone(&session), lease));
        }
        Ok(found == limit)
    }

    /// Ensures that the lease session is valid: partitions must not be acquired in an expired one.
    fn renew_tenure(&mut self) {
        let now = self.office.means.clock.now();
        if self.workers.is_empty() {
            // Every partition that is acquired now is leased at least that long.
            self.tenure.extend(now);
        } else if !self.tenure.lasts(now) {
            self.lapse();
        }
    }

    fn lapse(&mut self) {
        tracing::warn!(
            partitions = self.workers.len(),
            "the leases of webhook partitions expired before they were renewed: other servers may take them over"
        );
        let services = &self.office.means;
        self.tenure = Arc::new(Tenure::begin(&*services.entropy, services.clock.now()));
    }

    /// Renews all partition leases. Must be called every few seconds.
    ///
    /// # Errors
    /// When the store fails; workers stop sending when their leases expire.
    pub async fn renew(&mut self) -> Result<(), StoreError> {
        while self.workers.try_join_next().is_some() {}
        if self.workers.is_empty() {
            return Ok(());
        }
        let services = &self.office.means;
        let now = services.clock.now();
        services.store.renew(&self.tenure.holder, now + LEASE).await?;
        if self.tenure.lasts(services.clock.now()) {
            self.tenure.extend(now);
        } else {
            self.lapse();
        }
        Ok(())
    }

    /// Waits until no worker is running.
    pub async fn idle(&mut self) {
        while self.workers.join_next().await.is_some() {}
    }

    /// Shuts down: no further attempt starts, attempts in flight have `grace` to end, and all leases are released.
    ///
    /// # Errors
    /// When the store fails; the leases then expire on their own.
    pub async fn wind_up(mut self, grace: Duration) -> Result<(), StoreError> {
        self.office.stop();
        let _ = timeout(grace, self.idle()).await;
        self.workers.shutdown().await;
        self.office.means.store.give_up_all(&self.tenure.holder).await
    }
}
