//! The worker of one partition: sends due deliveries to one endpoint, in order, as fast as the endpoint accepts them.

mod attempt;
mod authorization;
mod context;
mod disable;
mod queue;
mod slow_start;
mod subscription_cache;

use std::{sync::Arc, time::Duration};

use kernel::{StoreError, Timestamp};
use tokio::{
    task::{JoinError, JoinSet},
    time::{sleep, timeout},
};
use webhooks::{
    Attempt, DeliveryHealth, DeliveryState, DeliveryUpdate, DisabledReason, DueDelivery, Partition, PartitionLease,
};

use crate::{lease_session::LeaseSession, limits::StorePermit};
use attempt::{AttemptTaskResult, attempt};
use authorization::{PartitionAction, authorize};
pub(crate) use context::WorkerContext;
use disable::disable;
use queue::Queue;
use slow_start::SlowStart;

/// Number of deliveries that are read in addition to the tracked ones.
const READ_BATCH: usize = 64;

/// Number of deliveries that are cancelled in one statement.
const CANCEL_BATCH: usize = 500;

/// Interval of reads for more deliveries while attempts are in flight and others could start.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Maximum staleness of the stored time of the last success while attempts keep succeeding.
const MAX_HEALTH_STALENESS: Duration = Duration::from_secs(1);

/// Delay after a failure of the store.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// The time for which a delivery is left to servers that support its event type.
const UNSUPPORTED_EVENT_DELAY: Duration = Duration::from_secs(60);

/// Runs the worker of a leased partition until nothing is due in it, or this process must stop sending.
pub(crate) async fn run(context: Arc<WorkerContext>, session: Arc<LeaseSession>, lease: PartitionLease) {
    let mut worker = Worker {
        context,
        session,
        partition: lease.partition,
        health: lease.health,
        stored_health: lease.health,
        subscription_updated_at: Timestamp::MIN,
        slow_start: SlowStart::default(),
        queue: Queue::default(),
        attempts: JoinSet::new(),
        pending_updates: Vec::new(),
        disable_reason: None,
        paused: false,
        error: None,
    };
    while worker.may_send() {
        match worker.run_cycle().await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => {
                log_error(worker.partition, &error, "can't deliver webhooks, because the store failed: retrying");
                worker.back_off().await;
            }
        }
    }
}

/// Logs a failure of the store. An unavailable store is reported once by the dispatcher, so that a worker logs it only
/// at debug level.
fn log_error(partition: Partition, error: &StoreError, message: &'static str) {
    let subscription = partition.subscription;
    match error {
        StoreError::Unavailable(_) => tracing::debug!(%subscription, %error, "{message}"),
        StoreError::Corrupt(_) => tracing::error!(%subscription, %error, "{message}"),
    }
}

struct Worker {
    context: Arc<WorkerContext>,
    session: Arc<LeaseSession>,
    partition: Partition,
    health: DeliveryHealth,
    /// The health that the store has.
    stored_health: DeliveryHealth,
    /// The time of the last change of the subscription.
    subscription_updated_at: Timestamp,
    slow_start: SlowStart,
    queue: Queue,
    attempts: JoinSet<(DueDelivery, AttemptTaskResult)>,
    /// Results of attempts that are not stored yet.
    pending_updates: Vec<DeliveryUpdate>,
    /// The reason to disable the subscription once the results are stored.
    disable_reason: Option<DisabledReason>,
    /// Whether no attempt may start before the partition is authorized again.
    paused: bool,
    error: Option<StoreError>,
}

impl Worker {
    /// Authorizes the partition, sends or cancels its deliveries accordingly, and releases it. Returns whether it is
    /// released.
    async fn run_cycle(&mut self) -> Result<bool, StoreError> {
        let permit = self.store_permit().await;
        let action = authorize(&self.context, self.partition).await?;
        drop(permit);
        let (suspended, worked) = match action {
            PartitionAction::Cancel => (false, self.cancel_all().await?),
            PartitionAction::Suspend => (true, false),
            PartitionAction::Send(current) => {
                self.subscription_updated_at = current.subscription.meta.updated_at;
                (false, self.deliver().await?)
            }
        };
        if !self.may_send() {
            return Ok(true);
        }
        let permit = self.store_permit().await;
        let services = &self.context.services;
        let released =
            services.store.release_partition(self.partition, &self.session.owner, services.due_by(), suspended).await?;
        drop(permit);
        if !released && !worked && !suspended {
            // A delivery seems to be due, but none could be read: back off instead of polling in a tight loop.
            self.back_off().await;
        }
        Ok(released)
    }

    async fn cancel_all(&self) -> Result<bool, StoreError> {
        let (services, limit) = (&self.context.services, CANCEL_BATCH as u64);
        let mut any_cancelled = false;
        loop {
            let cancelled =
                services.store.cancel_deliveries(self.partition, services.clock.now(), CANCEL_BATCH).await?;
            any_cancelled |= cancelled > 0;
            if cancelled < limit {
                return Ok(any_cancelled);
            }
        }
    }

    /// Sends due deliveries until there are no more, or the partition must be authorized again. Returns whether any
    /// attempt was started.
    async fn deliver(&mut self) -> Result<bool, StoreError> {
        self.queue.clear();
        self.paused = false;
        let (mut has_more, mut any_started) = (true, false);
        loop {
            if has_more && self.may_start() && self.queue.is_low() {
                has_more = self.read_due().await;
            }
            any_started |= self.start_attempts();
            if self.attempts.is_empty() {
                return self.error.take().map_or(Ok(any_started), Err);
            }
            let could_start = self.may_start() && self.attempts.len() < self.concurrency();
            let ended = if could_start {
                timeout(POLL_INTERVAL, self.attempts.join_next()).await.unwrap_or_default()
            } else {
                self.attempts.join_next().await
            };
            match ended {
                None => has_more = true,
                Some(ended) => has_more |= self.finish_attempts(ended).await,
            }
        }
    }

    /// Reads due deliveries into the queue. Returns whether there may be more.
    async fn read_due(&mut self) -> bool {
        let _permit = self.store_permit().await;
        let services = &self.context.services;
        let limit = self.queue.tracked_count() + READ_BATCH;
        match services.store.due_deliveries(self.partition, services.due_by(), limit).await {
            Ok(due) => {
                let has_more = due.len() == limit;
                self.queue.push_new(due);
                has_more
            }
            Err(error) => {
                self.pause(Some(error));
                false
            }
        }
    }

    /// Starts as many attempts as possible. Returns whether any was started.
    fn start_attempts(&mut self) -> bool {
        let mut any_started = false;
        while self.may_start() && self.attempts.len() < self.concurrency() {
            let Some(due) = self.queue.next() else { break };
            self.attempts.spawn(attempt(Arc::clone(&self.context), self.partition, due, self.is_unhealthy()));
            any_started = true;
        }
        any_started
    }

    /// Stores the results of this attempt and of all others that have ended. Returns whether to read more deliveries
    /// immediately.
    async fn finish_attempts(&mut self, first_ended: Result<(DueDelivery, AttemptTaskResult), JoinError>) -> bool {
        self.apply(first_ended);
        while let Some(next) = self.attempts.try_join_next() {
            self.apply(next);
        }
        let stale = self.store_results().await;
        if let Some(reason) = self.disable_reason.take() {
            self.pause(None);
            if let Err(error) = disable(&self.context, self.partition, reason).await {
                log_error(
                    self.partition,
                    &error,
                    "can't disable a webhook subscription: the next failed attempt tries again",
                );
            }
        }
        stale
    }

    fn apply(&mut self, ended: Result<(DueDelivery, AttemptTaskResult), JoinError>) {
        let (due, result) = match ended {
            Ok(ended) => ended,
            Err(error) => return self.pause(Some(StoreError::Unavailable(error.into()))),
        };
        let before = due.delivery;
        let now = self.context.services.clock.now();
        let record = match result {
            AttemptTaskResult::Attempted(attempt) => {
                let jitter = self.jitter();
                self.observe(&attempt);
                before.record.after_attempt(attempt, now, jitter)
            }
            AttemptTaskResult::Unauthorized => before.record.cancelled(),
            AttemptTaskResult::UnsupportedEvent => {
                let mut record = before.record.clone();
                record.next_attempt_at = Some(now + UNSUPPORTED_EVENT_DELAY);
                record
            }
            AttemptTaskResult::NotSending | AttemptTaskResult::Stopped => return self.pause(None),
            AttemptTaskResult::AuthorizationFailed(error) => return self.pause(Some(error)),
        };
        self.queue.attempt_ended(&before.record);
        self.pending_updates.push(DeliveryUpdate { after: before.changed(now, record), before });
    }

    fn observe(&mut self, attempt: &Attempt) {
        self.slow_start = self.slow_start.after(attempt.outcome.is_success());
        self.health = self.health.after(attempt);
        self.disable_reason =
            self.disable_reason.or(disable::reason(attempt, self.health, self.subscription_updated_at));
    }

    fn jitter(&self) -> u8 {
        let mut jitter = [0];
        self.context.services.entropy.fill(&mut jitter);
        jitter[0]
    }

    /// Stores the results of attempts, retrying until the store is available: a delivery whose result is lost would be
    /// sent again. Returns whether a delivery was changed concurrently, so that it must be read again.
    async fn store_results(&mut self) -> bool {
        let updates = std::mem::take(&mut self.pending_updates);
        if updates.is_empty() {
            return false;
        }
        let _permit = self.store_permit().await;
        let health = self.health_to_store();
        let stale = loop {
            match self.context.services.store.record_results(self.partition, &updates, health).await {
                Ok(stale) => break stale,
                Err(error) => {
                    log_error(self.partition, &error, "can't store the results of webhook attempts: retrying");
                    sleep(RETRY_DELAY).await;
                }
            }
        };
        self.stored_health = health.unwrap_or(self.stored_health);
        for update in &updates {
            let after = &update.after;
            self.queue.result_stored(after.meta.id);
            if after.record.state == DeliveryState::Exhausted && !stale.contains(&after.meta.id) {
                self.context.services.observer.delivery_exhausted();
            }
        }
        !stale.is_empty()
    }

    /// Returns the health to store now, if any. Storing it with each success would write one more row per delivery.
    fn health_to_store(&self) -> Option<DeliveryHealth> {
        let DeliveryHealth { last_delivery_at, failing_since } = self.stored_health;
        let is_stale = match (last_delivery_at, self.health.last_delivery_at) {
            (Some(stored), Some(last)) => last.distance(stored) >= MAX_HEALTH_STALENESS,
            (stored, last) => stored != last,
        };
        let must_store = is_stale || failing_since != self.health.failing_since || !self.has_more();
        (must_store && self.health != self.stored_health).then_some(self.health)
    }

    /// Whether another attempt will end before the partition is authorized again or released.
    fn has_more(&self) -> bool {
        !self.attempts.is_empty() || (self.may_start() && !self.queue.is_empty())
    }

    async fn store_permit(&self) -> StorePermit {
        self.context.limits.store_permit(self.is_unhealthy()).await
    }

    /// Starts no further attempt before the partition is authorized again.
    fn pause(&mut self, error: Option<StoreError>) {
        self.paused = true;
        self.error = self.error.take().or(error);
    }

    fn may_send(&self) -> bool {
        !self.context.is_stopping() && self.session.is_valid(self.context.services.clock.now())
    }

    fn may_start(&self) -> bool {
        !self.paused && self.may_send()
    }

    /// Whether the endpoint is failing or has never accepted a delivery.
    fn is_unhealthy(&self) -> bool {
        !self.health.is_healthy()
    }

    /// Maximum number of attempts in flight to the endpoint.
    fn concurrency(&self) -> usize {
        if self.is_unhealthy() { 1 } else { self.slow_start.concurrency() }
    }

    async fn back_off(&self) {
        tokio::select! {
            () = self.context.stopped() => {}
            () = sleep(RETRY_DELAY) => {}
        }
    }
}
