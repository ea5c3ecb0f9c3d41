//! The worker of one lane: sends what is due to one endpoint, in order, as fast as the endpoint takes it.

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

/// How many deliveries are read beyond those that are known.
const READ: usize = 64;

/// How many are cancelled in one statement.
const CANCEL: usize = 500;

/// How often it is looked for more while attempts are in flight and others could begin.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How far behind the store may be in when an attempt last succeeded, while others follow.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// Rests when the store fails.
const REST: Duration = Duration::from_secs(1);

/// How long a delivery is left to servers that know its event.
const LEFT_TO_OTHERS: Duration = Duration::from_secs(60);

/// Works on a lane until nothing is due on it, or it is to be left to others.
pub(crate) async fn work(office: Arc<Office>, tenure: Arc<Tenure>, claim: Claim) {
    let mut worker = Worker {
        office,
        tenure,
        lane: claim.lane,
        signs: claim.signs,
        told: claim.signs,
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
                tell(worker.lane, &error, "can't deliver webhooks");
                worker.rest().await;
            }
        }
    }
}

/// A store that is away is told of once, by whoever looks for lanes, and not by each lane.
fn tell(lane: Lane, error: &StoreError, what: &'static str) {
    let subscription = lane.subscription;
    match error {
        StoreError::Unavailable(_) => tracing::debug!(%subscription, %error, "{what}"),
        StoreError::Corrupt(_) => tracing::error!(%subscription, %error, "{what}"),
    }
}

struct Worker {
    office: Arc<Office>,
    tenure: Arc<Tenure>,
    lane: Lane,
    signs: LaneSigns,
    /// The signs as the store has them.
    told: LaneSigns,
    /// When the subscription was last changed.
    touched: Timestamp,
    ramp: Ramp,
    queue: Queue,
    attempts: JoinSet<(Due, Tried)>,
    /// What came of attempts and is not stored yet.
    done: Vec<Settlement>,
    /// Why the subscription is to be disabled once that is stored.
    reason: Option<DisabledReason>,
    /// Whether no attempt begins before the lane was judged anew.
    halted: bool,
    trouble: Option<StoreError>,
}

impl Worker {
    /// Judges the lane, does with it what follows from that, and gives it up. Says whether it is given up.
    async fn visit(&mut self) -> Result<bool, StoreError> {
        let turn = self.turn().await;
        let verdict = judge(&self.office, self.lane).await?;
        drop(turn);
        let (parked, busy) = match verdict {
            Verdict::Cancel => (false, self.cancel_all().await?),
            Verdict::Park => (true, false),
            Verdict::Send(parties) => {
                self.touched = parties.subscription.meta.updated_at;
                (false, self.deliver().await?)
            }
        };
        if !self.may_send() {
            return Ok(true);
        }
        let turn = self.turn().await;
        let means = &self.office.means;
        let released = means.store.give_up(self.lane, &self.tenure.holder, means.due_by(), parked).await?;
        drop(turn);
        if !released && !busy && !parked {
            // Something is said to be due that can't be read: not to be asked for as fast as it goes.
            self.rest().await;
        }
        Ok(released)
    }

    async fn cancel_all(&self) -> Result<bool, StoreError> {
        let (means, limit) = (&self.office.means, CANCEL as u64);
        let mut any = false;
        loop {
            let cancelled = means.store.cancel(self.lane, means.clock.now(), CANCEL).await?;
            any |= cancelled > 0;
            if cancelled < limit {
                return Ok(any);
            }
        }
    }

    /// Sends what is due until there is no more, or the lane is to be judged anew. Says whether there was anything.
    async fn deliver(&mut self) -> Result<bool, StoreError> {
        self.queue.clear();
        self.halted = false;
        let (mut more, mut any) = (true, false);
        loop {
            if more && self.may_begin() && self.queue.is_low() {
                more = self.read().await;
            }
            any |= self.begin();
            if self.attempts.is_empty() {
                return self.trouble.take().map_or(Ok(any), Err);
            }
            let could_begin = self.may_begin() && self.attempts.len() < self.width();
            let ended = if could_begin {
                timeout(LOOK_EVERY, self.attempts.join_next()).await.unwrap_or_default()
            } else {
                self.attempts.join_next().await
            };
            match ended {
                None => more = true,
                Some(ended) => more |= self.conclude(ended).await,
            }
        }
    }

    /// Reads what is due. Says whether there is more than that.
    async fn read(&mut self) -> bool {
        let _turn = self.turn().await;
        let means = &self.office.means;
        let limit = self.queue.known() + READ;
        match means.store.due(self.lane, means.due_by(), limit).await {
            Ok(due) => {
                let more = due.len() == limit;
                self.queue.take_in(due);
                more
            }
            Err(error) => {
                self.halt(Some(error));
                false
            }
        }
    }

    /// Begins what may begin. Says whether anything did.
    fn begin(&mut self) -> bool {
        let mut any = false;
        while self.may_begin() && self.attempts.len() < self.width() {
            let Some(due) = self.queue.next() else { break };
            self.attempts.spawn(attempt(Arc::clone(&self.office), self.lane, due, self.is_doubtful()));
            any = true;
        }
        any
    }

    /// Stores what came of this attempt, and of all others that have ended by now. Says whether to look for more at once.
    async fn conclude(&mut self, first: Result<(Due, Tried), JoinError>) -> bool {
        self.note(first);
        while let Some(next) = self.attempts.try_join_next() {
            self.note(next);
        }
        let undone = self.settle().await;
        if let Some(reason) = self.reason.take() {
            self.halt(None);
            if let Err(error) = disable(&self.office, self.lane, reason).await {
                tell(self.lane, &error, "can't disable a webhook subscription");
            }
        }
        undone
    }

    fn note(&mut self, ended: Result<(Due, Tried), JoinError>) {
        let (due, tried) = match ended {
            Ok(ended) => ended,
            Err(error) => return self.halt(Some(StoreError::Unavailable(error.into()))),
        };
        let before = due.delivery;
        let now = self.office.means.clock.now();
        let record = match tried {
            Tried::Attempted(attempt) => {
                let chance = self.chance();
                self.learn(&attempt);
                before.record.attempted(attempt, now, chance)
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
        let mut chance = [0];
        self.office.means.entropy.fill(&mut chance);
        chance[0]
    }

    /// Stores what came of attempts, however long the store is away: what is not stored is sent again. Says whether any
    /// delivery was changed meanwhile, and is to be looked at again.
    async fn settle(&mut self) -> bool {
        let done = std::mem::take(&mut self.done);
        if done.is_empty() {
            return false;
        }
        let _turn = self.turn().await;
        let signs = self.news();
        let undone = loop {
            match self.office.means.store.settle(self.lane, &done, signs).await {
                Ok(undone) => break undone,
                Err(error) => {
                    tell(self.lane, &error, "can't store what came of webhooks");
                    sleep(REST).await;
                }
            }
        };
        self.told = signs.unwrap_or(self.told);
        for settlement in &done {
            let after = &settlement.after;
            self.queue.settled(after.meta.id);
            if after.record.state == DeliveryState::Exhausted && !undone.contains(&after.meta.id) {
                self.office.means.observer.exhausted();
            }
        }
        !undone.is_empty()
    }

    /// What the store is to be told of the lane. With each success it would be a row more to write for each delivery.
    fn news(&self) -> Option<LaneSigns> {
        let LaneSigns { last_delivery_at, failing_since } = self.told;
        let is_behind = match (last_delivery_at, self.signs.last_delivery_at) {
            (Some(told), Some(last)) => last.since(told) >= TOLD_EVERY,
            (told, last) => told != last,
        };
        let tells = is_behind || failing_since != self.signs.failing_since || !self.goes_on();
        (tells && self.signs != self.told).then_some(self.signs)
    }

    /// Whether another attempt ends, before the lane is judged anew or given up.
    fn goes_on(&self) -> bool {
        !self.attempts.is_empty() || (self.may_begin() && !self.queue.is_empty())
    }

    async fn turn(&self) -> Turn {
        self.office.room.turn(self.is_doubtful()).await
    }

    /// No attempt begins any more before the lane was judged anew.
    fn halt(&mut self, trouble: Option<StoreError>) {
        self.halted = true;
        self.trouble = self.trouble.take().or(trouble);
    }

    fn may_send(&self) -> bool {
        !self.office.is_stopping() && self.tenure.lasts(self.office.means.clock.now())
    }

    fn may_begin(&self) -> bool {
        !self.halted && self.may_send()
    }

    /// Whether the endpoint fails, or was never seen to answer.
    fn is_doubtful(&self) -> bool {
        self.signs.failing_since.is_some() || self.signs.last_delivery_at.is_none()
    }

    /// How many attempts there may be at once.
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
