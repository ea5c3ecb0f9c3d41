//! The dispatcher: acquires leases of due partitions and runs a worker for each.

use std::{sync::Arc, time::Duration};

use kernel::StoreError;
use tokio::{task::JoinSet, time::timeout};

use crate::{
    lease_session::{LEASE_DURATION, LeaseSession},
    limits::ConcurrencyLimits,
    services::DeliveryServices,
    worker::{self, WorkerContext},
};

/// Maximum number of partitions that are acquired in one cycle.
const MAX_PARTITIONS_PER_CYCLE: usize = 512;

/// The number of partitions that this process leases per attempt that may be in flight. Partitions that wait for a
/// permit are leased as well; further ones are left to other servers.
const PARTITIONS_PER_ATTEMPT: usize = 4;

/// Runs a worker for each partition that this process leases.
pub struct Dispatcher {
    context: Arc<WorkerContext>,
    session: Arc<LeaseSession>,
    workers: JoinSet<()>,
    max_partitions: usize,
}

impl Dispatcher {
    /// Creates a dispatcher without leases.
    #[must_use]
    pub fn new(services: DeliveryServices) -> Self {
        let session = Arc::new(LeaseSession::new(&*services.entropy, services.clock.now()));
        let max_partitions = services.concurrency.max(1).saturating_mul(PARTITIONS_PER_ATTEMPT);
        let limits = ConcurrencyLimits::new(services.concurrency);
        Self {
            context: Arc::new(WorkerContext::new(services, limits)),
            session,
            workers: JoinSet::new(),
            max_partitions,
        }
    }

    /// Acquires due partitions and starts a worker for each. Returns whether more may be due.
    ///
    /// # Errors
    /// When the store fails; then no partition is acquired.
    pub async fn run_once(&mut self) -> Result<bool, StoreError> {
        while self.workers.try_join_next().is_some() {}
        let limit = MAX_PARTITIONS_PER_CYCLE.min(self.max_partitions - self.workers.len().min(self.max_partitions));
        if limit == 0 {
            return Ok(false);
        }
        let services = &self.context.services;
        let due = services.store.due_partitions(services.due_by(), limit).await?;
        let found = due.len();
        if found == 0 {
            return Ok(false);
        }
        self.ensure_valid_session();
        let (context, session) = (Arc::clone(&self.context), Arc::clone(&self.session));
        let services = &context.services;
        let leases = services
            .store
            .acquire_partitions(&due, &session.owner, services.due_by(), services.clock.now() + LEASE_DURATION)
            .await?;
        for lease in leases {
            self.workers.spawn(worker::run(Arc::clone(&context), Arc::clone(&session), lease));
        }
        Ok(found == limit)
    }

    /// Ensures that the lease session is valid: partitions must not be acquired in an expired one.
    fn ensure_valid_session(&mut self) {
        let now = self.context.services.clock.now();
        if self.workers.is_empty() {
            // Every partition that is acquired now is leased at least that long.
            self.session.renewed_at(now);
        }
        if !self.session.is_valid(now) {
            self.expire_session();
        }
    }

    fn expire_session(&mut self) {
        tracing::warn!(
            partitions = self.workers.len(),
            "the leases of webhook partitions expired before they were renewed: other servers may take them over"
        );
        let services = &self.context.services;
        self.session = Arc::new(LeaseSession::new(&*services.entropy, services.clock.now()));
    }

    /// Renews all partition leases. Must be called every [`RENEWAL_INTERVAL`](crate::RENEWAL_INTERVAL).
    ///
    /// # Errors
    /// When the store fails; workers stop sending when their leases expire.
    pub async fn renew(&mut self) -> Result<(), StoreError> {
        while self.workers.try_join_next().is_some() {}
        if self.workers.is_empty() {
            return Ok(());
        }
        let services = &self.context.services;
        let now = services.clock.now();
        services.store.renew_partitions(&self.session.owner, now + LEASE_DURATION).await?;
        if self.session.is_valid(services.clock.now()) {
            self.session.renewed_at(now);
        } else {
            self.expire_session();
        }
        Ok(())
    }

    /// Waits until no worker is running.
    pub async fn wait_until_idle(&mut self) {
        while self.workers.join_next().await.is_some() {}
    }

    /// Shuts down: no further attempt starts, attempts in flight have `grace` to end, and all leases are released.
    ///
    /// # Errors
    /// When the store fails; the leases then expire on their own.
    pub async fn shutdown(mut self, grace: Duration) -> Result<(), StoreError> {
        self.context.stop();
        let _ = timeout(grace, self.wait_until_idle()).await;
        self.workers.shutdown().await;
        self.context.services.store.release_all_partitions(&self.session.owner).await
    }
}
