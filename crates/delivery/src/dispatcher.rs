//! Finds lanes with something due, takes them, and has a worker for each.

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

/// How many lanes are looked for, and taken, at a time.
const LANES: usize = 512;

/// How many lanes are held for each attempt that may be in flight. Those that wait for room are held as well; the rest is
/// left to other servers.
const HELD_PER_PLACE: usize = 4;

/// What delivering takes.
pub struct Means {
    /// Where deliveries are.
    pub store: Arc<DynStore>,
    /// What sends them.
    pub sender: Arc<dyn Sender>,
    /// What signs them.
    pub secrets: Arc<dyn Secrets>,
    /// The installation's time.
    pub clock: Arc<dyn Clock>,
    /// For identifiers, and to spread retries.
    pub entropy: Arc<dyn Entropy>,
    /// What is told how they go.
    pub observer: Arc<dyn Observer>,
    /// How many attempts may be in flight at once.
    pub concurrency: usize,
}

/// How far ahead of the clock an event may be stamped, so that it is not due yet when it is told of.
const LEAD: Duration = Duration::from_millis(20);

impl Means {
    /// What is due by this moment is due now.
    pub(crate) fn due_by(&self) -> Timestamp {
        self.clock.now() + LEAD
    }
}

/// Has a worker for each lane that this process holds.
pub struct Dispatcher {
    office: Arc<Office>,
    tenure: Arc<Tenure>,
    workers: JoinSet<()>,
    most: usize,
}

impl Dispatcher {
    /// One that holds nothing yet.
    #[must_use]
    pub fn new(means: Means) -> Self {
        let tenure = Arc::new(Tenure::begin(&*means.entropy, means.clock.now()));
        let most = means.concurrency.max(1).saturating_mul(HELD_PER_PLACE);
        let room = Room::of(means.concurrency);
        Self { office: Arc::new(Office::new(means, room)), tenure, workers: JoinSet::new(), most }
    }

    /// Takes lanes that are due, and sets workers to them. Says whether there may be more.
    ///
    /// # Errors
    /// When the store fails: then no lane was taken.
    pub async fn round(&mut self) -> Result<bool, StoreError> {
        while self.workers.try_join_next().is_some() {}
        let limit = LANES.min(self.most - self.workers.len().min(self.most));
        if limit == 0 {
            return Ok(false);
        }
        let means = &self.office.means;
        let due = means.store.lanes_due(means.due_by(), limit).await?;
        let found = due.len();
        if found == 0 {
            return Ok(false);
        }
        self.renew_tenure();
        let (office, tenure) = (Arc::clone(&self.office), Arc::clone(&self.tenure));
        let means = &office.means;
        let claims = means.store.claim(&due, &tenure.holder, means.due_by(), means.clock.now() + LEASE).await?;
        for claim in claims {
            self.workers.spawn(lane::work(Arc::clone(&office), Arc::clone(&tenure), claim));
        }
        Ok(found == limit)
    }

    /// A tenure that has lapsed, with lanes or without, is not one to take lanes under.
    fn renew_tenure(&mut self) {
        let now = self.office.means.clock.now();
        if self.workers.is_empty() {
            // Each lane that is taken now is held at least that long.
            self.tenure.extend(now);
        } else if !self.tenure.lasts(now) {
            self.lapse();
        }
    }

    fn lapse(&mut self) {
        tracing::warn!(
            lanes = self.workers.len(),
            "held webhook lanes for longer than was granted: they are left to others"
        );
        let means = &self.office.means;
        self.tenure = Arc::new(Tenure::begin(&*means.entropy, means.clock.now()));
    }

    /// Holds all lanes for longer. To be called every few seconds.
    ///
    /// # Errors
    /// When the store fails: workers stop sending when the time that was granted is over.
    pub async fn renew(&mut self) -> Result<(), StoreError> {
        while self.workers.try_join_next().is_some() {}
        if self.workers.is_empty() {
            return Ok(());
        }
        let means = &self.office.means;
        let now = means.clock.now();
        means.store.renew(&self.tenure.holder, now + LEASE).await?;
        if self.tenure.lasts(means.clock.now()) {
            self.tenure.extend(now);
        } else {
            self.lapse();
        }
        Ok(())
    }

    /// Waits until no lane is worked on.
    pub async fn idle(&mut self) {
        while self.workers.join_next().await.is_some() {}
    }

    /// Ends: no attempt begins any more, those in flight have `grace` to end, and all lanes are given up.
    ///
    /// # Errors
    /// When the store fails; the lanes are free when the time that was granted is over.
    pub async fn wind_up(mut self, grace: Duration) -> Result<(), StoreError> {
        self.office.stop();
        let _ = timeout(grace, self.idle()).await;
        self.workers.shutdown().await;
        self.office.means.store.give_up_all(&self.tenure.holder).await
    }
}
