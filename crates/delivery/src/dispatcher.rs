//! The dispatcher: acquires leases of due partitions and runs a worker for each.

use std::{collections::HashSet, sync::Arc, time::Duration};

use kernel::StoreError;
use tokio::{sync::Semaphore, task::JoinSet, time::timeout};
use webhooks::Partition;

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

/// Runs a worker for each partition that this process leases. Partitions whose endpoints were not healthy when they were
/// leased get at most three quarters of the workers: however long their attempts take, the rest is free for healthy ones.
pub struct Dispatcher {
    context: Arc<WorkerContext>,
    session: Arc<LeaseSession>,
    workers: JoinSet<()>,
    /// One permit for each worker of an endpoint that is not healthy.
    unhealthy_workers: Arc<Semaphore>,
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
            unhealthy_workers: Arc::new(Semaphore::new(
                (max_partitions - max_partitions / 4).min(Semaphore::MAX_PERMITS),
            )),
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
        let (due, is_full) = self.due_partitions(limit).await?;
        if due.is_empty() {
            return Ok(false);
        }
        self.ensure_valid_session();
        let (context, session) = (Arc::clone(&self.context), Arc::clone(&self.session));
        let services = &context.services;
        let leases = services
            .store
            .acquire_partitions(&due, &session.owner, services.due_by(), services.clock.now() + LEASE_DURATION)
            .await?;
        let any_acquired = !leases.is_empty();
        for lease in leases {
            // There are enough permits for these, unless an endpoint began to fail meanwhile.
            let is_healthy = lease.health.is_healthy();
            let permit = (!is_healthy).then(|| Arc::clone(&self.unhealthy_workers).try_acquire_owned().ok()).flatten();
            let run = worker::run(Arc::clone(&context), Arc::clone(&session), lease);
            self.workers.spawn(async move {
                let _permit = permit;
                run.await;
            });
        }
        Ok(is_full && any_acquired)
    }

    /// Returns the due partitions to acquire, at most `limit`, and whether more are due. If there are more than can be
    /// acquired, healthy endpoints come first.
    async fn due_partitions(&self, limit: usize) -> Result<(Vec<Partition>, bool), StoreError> {
        let services = &self.context.services;
        let due = services.store.due_partitions(services.due_by(), limit).await?;
        let (is_full, unhealthy) = (due.len() == limit, self.unhealthy_workers.available_permits());
        if !is_full && due.len() <= unhealthy {
            return Ok((due, false));
        }
        let mut first = services.store.due_healthy_partitions(services.due_by(), limit).await?;
        let healthy: HashSet<Partition> = first.iter().copied().collect();
        first.extend(due.into_iter().filter(|partition| !healthy.contains(partition)).take(unhealthy));
        first.truncate(limit);
        Ok((first, is_full))
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
