//! The worker of one partition: sends due deliveries to one endpoint, in order, as fast as the endpoint accepts them.

mod attempt;
mod disable;
mod office;
mod queue;
mod ramp;
mod standing;

use std::{sync::Arc, time::Duration};

use kernel::{StoreError, Timestamp};
use tokio::{
    task::{JoinError, JoinSet},
    time::{sleep, timeout},
};
use webhooks::{Attempt, Claim, DeliveryState, DisabledReason, Due, Lane, LaneSigns, Settlement};

use crate::{room::Turn, tenure::Tenure};
use attempt::{Tried, attempt};
use disable::disable;
pub(crate) use office::Office;
use queue::Queue;
use ramp::Ramp;
use standing::{Verdict, judge};

/// Number of deliveries that are read in addition to the tracked ones.
const READ: usize = 64;

/// Number of deliveries that are cancelled in one statement.
const CANCEL: usize = 500;

/// Interval of reads for more deliveries while attempts are in flight and others could start.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Maximum staleness of the stored time of the last success while attempts keep succeeding.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// Delay after a failure of the store.
const REST: Duration = Duration::from_secs(1);

/// How long a delivery is left to servers that support its event type.
const LEFT_TO_OTHERS: Duration = Duration::from_secs(60);

/// Runs the worker of a leased partition until nothing is due in it, or this process must stop sending.
pub(crate) async fn work(context: Arc<Office>, session: Arc<Tenure>, lease: Claim) {
    let mut worker = Worker {
        office: context,
        tenure: session,
        lane: lease.lane,
        signs: lease.signs,
        told: lease.signs,
        touched: Timestamp::MIN,
        ramp: Ramp::default(),
        queue: Queue::default(),
        attempts: JoinSet::new(),
        done: Vec::new(),
        reason: None,
        halted: false,
        trouble: None,
    };
    while worker.may_send() {
        match worker.visit().await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => {
                tell(worker.lane, &error, "can't deliver webhooks, because the store failed: retrying");
                worker.rest().await;
            }
        }
    }
}

/// Logs a failure of the store. An unavailable store is reported once by the dispatcher, so that a worker logs it only
/// at debug level.
fn tell(partition: Lane, error: &StoreError, message: &'static str) {
    let subscription = partition.subscription;
    match error {
        StoreError::Unavailable(_) => tracing::debug!(%subscription, %error, "{message}"),
        StoreError::Corrupt(_) => tracing::error!(%subscription, %error, "{message}"),
    }
}

struct Worker {
    office: Arc<Office>,
    tenure: Arc<Tenure>,
    lane: Lane,
    signs: LaneSigns,
    /// The health that the store has.
    told: LaneSigns,
    /// When the subscription was last changed.
    touched: Timestamp,
    ramp: Ramp,
    queue: Queue,
    attempts: JoinSet<(Due, Tried)>,
    /// Results of attempts that are not stored yet.
    done: Vec<Settlement>,
    /// The reason to disable the subscription once the results are stored.
    reason: Option<DisabledReason>,
    /// Whether no attempt may start before the partition is authorized again.
    halted: bool,
    trouble: Option<StoreError>,
}

impl Worker {
    /// Authorizes the partition, sends or cancels its deliveries accordingly, and releases it. Returns whether it is
    /// released.
    async fn visit(&mut self) -> Result<bool, StoreError> {
        let permit = self.turn().await;
        let action = judge(&self.office, self.lane).await?;
        drop(permit);
        let (suspended, worked) = match action {
            Verdict::Cancel => (false, self.cancel_all().await?),
            Verdict::Park => (true, false),
            Verdict::Send(subscription_with_account) => {
                self.touched = subscription_with_account.subscription.meta.updated_at;
                (false, self.deliver().await?)
            }
        };
        if !self.may_send() {
            return Ok(true);
        }
        let permit = self.turn().await;
        let services = &self.office.means;
        let released = services.store.give_up(self.lane, &self.tenure.holder, services.due_by(), suspended).await?;
        drop(permit);
        if !released && !worked && !suspended {
            // A delivery seems to be due, but none could be read: back off instead of polling in a tight loop.
            self.rest().await;
        }
        Ok(released)
    }

    async fn cancel_all(&self) -> Result<bool, StoreError> {
        let (services, limit) = (&self.office.means, CANCEL as u64);
        let mut any_cancelled = false;
        loop {
            let cancelled = services.store.cancel(self.lane, services.clock.now(), CANCEL).await?;
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
        self.halted = false;
        let (mut has_more, mut any_started) = (true, false);
        loop {
            if has_more && self.may_begin() && self.queue.is_low() {
                has_more = self.read().await;
            }
            any_started |= self.begin();
            if self.attempts.is_empty() {
                return self.trouble.take().map_or(Ok(any_started), Err);
            }
            let could_start = self.may_begin() && self.attempts.len() < self.width();
            let ended = if could_start {
                timeout(LOOK_EVERY, self.attempts.join_next()).await.unwrap_or_default()
            } else {
                self.attempts.join_next().await
            };
            match ended {
                None => has_more = true,
                Some(ended) => has_more |= self.conclude(ended).await,
            }
        }
    }

    /// Reads due deliveries into the queue. Returns whether there may be more.
    async fn read(&mut self) -> bool {
        let _permit = self.turn().await;
        let services = &self.office.means;
        let limit = self.queue.known() + READ;
        match services.store.due(self.lane, services.due_by(), limit).await {
            Ok(due) => {
                let has_more = due.len() == limit;
                self.queue.take_in(due);
                has_more
            }
            Err(error) => {
                self.halt(Some(error));
                false
            }
        }
    }

    /// Starts as many attempts as possible. Returns whether any was started.
    fn begin(&mut self) -> bool {
        let mut any_started = false;
        while self.may_begin() && self.attempts.len() < self.width() {
            let Some(due) = self.queue.next() else { break };
            self.attempts.spawn(attempt(Arc::clone(&self.office), self.lane, due, self.is_doubtful()));
            any_started = true;
        }
        any_started
    }

    /// Stores the results of this attempt and of all others that have ended. Returns whether to read more deliveries
    /// immediately.
    async fn conclude(&mut self, first_ended: Result<(Due, Tried), JoinError>) -> bool {
        self.note(first_ended);
        while let Some(next) = self.attempts.try_join_next() {
            self.note(next);
        }
        let stale = self.settle().await;
        if let Some(reason) = self.reason.take() {
            self.halt(None);
            if let Err(error) = disable(&self.office, self.lane, reason).await {
                tell(self.lane, &error, "can't disable a webhook subscription: the next failed attempt tries again");
            }
        }
        stale
    }

    fn note(&mut self, ended: Result<(Due, Tried), JoinError>) {
        let (due, result) = match ended {
            Ok(ended) => ended,
            Err(error) => return self.halt(Some(StoreError::Unavailable(error.into()))),
        };
        let before = due.delivery;
        let now = self.office.means.clock.now();
        let record = match result {
            Tried::Attempted(attempt) => {
                let jitter = self.chance();
                self.learn(&attempt);
                before.record.attempted(attempt, now, jitter)
            }
            Tried::Refused => before.record.cancelled(),
            Tried::Unknown => {
                let mut record = before.record.clone();
                record.next_attempt_at = Some(now + LEFT_TO_OTHERS);
                record
            }
            Tried::Unwanted | Tried::Stopped => return self.halt(None),
            Tried::Unjudged(error) => return self.halt(Some(error)),
        };
        self.queue.ended(&before.record);
        self.done.push(Settlement { after: before.changed(now, record), before });
    }

    fn learn(&mut self, attempt: &Attempt) {
        self.ramp = self.ramp.after(attempt.outcome.is_success());
        self.signs = self.signs.after(attempt);
        self.reason = self.reason.or(disable::reason(attempt, self.signs, self.touched));
    }

    fn chance(&self) -> u8 {
        let mut jitter = [0];
        self.office.means.entropy.fill(&mut jitter);
        jitter[0]
    }

    /// Stores the results of attempts, retrying until the store is available: a delivery whose result is lost would be
    /// sent again. Returns whether a delivery was changed concurrently, so that it must be read again.
    async fn settle(&mut self) -> bool {
        let updates = std::mem::take(&mut self.done);
        if updates.is_empty() {
            return false;
        }
        let _permit = self.turn().await;
        let health = self.news();
        let stale = loop {
            match self.office.means.store.settle(self.lane, &updates, health).await {
                Ok(stale) => break stale,
                Err(error) => {
                    tell(self.lane, &error, "can't store the results of webhook attempts: retrying");
                    sleep(REST).await;
                }
            }
        };
        self.told = health.unwrap_or(self.told);
        for update in &updates {
            let after = &update.after;
            self.queue.settled(after.meta.id);
            if after.record.state == DeliveryState::Exhausted && !stale.contains(&after.meta.id) {
                self.office.means.observer.exhausted();
            }
        }
        !stale.is_empty()
    }

    /// Returns the health to store now, if any. Storing it with each success would write one more row per delivery.
    fn news(&self) -> Option<LaneSigns> {
        let LaneSigns { last_delivery_at, failing_since } = self.told;
        let is_stale = match (last_delivery_at, self.signs.last_delivery_at) {
            (Some(stored), Some(last)) => last.since(stored) >= TOLD_EVERY,
            (stored, last) => stored != last,
        };
        let must_store = is_stale || failing_since != self.signs.failing_since || !self.goes_on();
        (must_store && self.signs != self.told).then_some(self.signs)
    }

    /// Whether another attempt will end before the partition is authorized again or released.
    fn goes_on(&self) -> bool {
        !self.attempts.is_empty() || (self.may_begin() && !self.queue.is_empty())
    }

    async fn turn(&self) -> Turn {
        self.office.room.turn(self.is_doubtful()).await
    }

    /// Starts no further attempt before the partition is authorized again.
    fn halt(&mut self, error: Option<StoreError>) {
        self.halted = true;
        self.trouble = self.trouble.take().or(error);
    }

    fn may_send(&self) -> bool {
        !self.office.is_stopping() && self.tenure.lasts(self.office.means.clock.now())
    }

    fn may_begin(&self) -> bool {
        !self.halted && self.may_send()
    }

    /// Whether the endpoint is failing or has never accepted a delivery.
    fn is_doubtful(&self) -> bool {
        self.signs.failing_since.is_some() || self.signs.last_delivery_at.is_none()
    }

    /// Maximum number of attempts in flight to the endpoint.
    fn width(&self) -> usize {
        if self.is_doubtful() { 1 } else { self.ramp.width() }
    }

    async fn rest(&self) {
        tokio::select! {
            () = self.office.stopped() => {}
            () = sleep(REST) => {}
        }
    }
}
