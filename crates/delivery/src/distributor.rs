//! From events in the outbox to deliveries, by one process of the installation at a time.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use kernel::{Clock, Entropy, OrganizationId, StoreError, Timestamp};
use store::{DynStore, Lease};
use webhooks::Audience;

/// How long the lease is held from one renewal to the next, and so about how long nothing is distributed after its holder
/// died.
const LEASE: Duration = Duration::from_secs(5);

/// With how much of it left the lease is renewed: most rounds write nothing for it.
const RENEWED_WITH: Duration = Duration::from_secs(3);

/// How many organizations are looked for at a time.
const ORGANIZATIONS: usize = 64;

/// How many of them are served at once.
const AT_ONCE: usize = 4;

/// How many events of one organization become deliveries in one transaction, at most.
const BATCH: usize = 200;

/// How many deliveries a transaction is to make, about: what is sent begins with the first of them, and not with the last
/// of a long backlog.
const DELIVERIES: usize = 1_000;

/// One who distributes, when the lease is to be had.
pub struct Distributor {
    store: Arc<DynStore>,
    clock: Arc<dyn Clock>,
    holder: String,
    /// Until when the lease is held for certain.
    held_until: Option<Timestamp>,
    /// Which organizations had their turn.
    after: Option<OrganizationId>,
    /// Where those whose endpoints are failing are still to be told what the others were told.
    left: Vec<OrganizationId>,
    /// How many events become deliveries in one transaction, as long as each is for as many subscriptions as lately.
    batch: usize,
}

/// What a round came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// How many events were distributed.
    pub events: usize,
    /// How many deliveries that made.
    pub deliveries: usize,
    /// More may wait, right now.
    pub more: bool,
    /// The next round is for those whose endpoints are failing, who can do with a moment later.
    pub left: bool,
    /// Another holder has the lease.
    pub elsewhere: bool,
}

impl Distributor {
    /// Distributes the events of this store.
    #[must_use]
    pub fn new(store: Arc<DynStore>, clock: Arc<dyn Clock>, entropy: &dyn Entropy) -> Self {
        let holder = entropy.ulid(clock.now()).to_string();
        Self { store, clock, holder, held_until: None, after: None, left: Vec::new(), batch: 1 }
    }

    /// Distributes a batch of every organization that has events waiting, if the lease is to be had: first for those whose
    /// endpoints take what they are sent, and in a round of its own for the others, who may be many.
    ///
    /// # Errors
    /// When the store fails. Organizations that went well stay distributed.
    pub async fn round(&mut self) -> Result<Round, StoreError> {
        if !self.left.is_empty() {
            let left = std::mem::take(&mut self.left);
            return self.distribute(left, Audience::All, true).await;
        }
        // Looked at first without the lease: an idle installation writes nothing.
        let waiting = self.store.undistributed(self.after, ORGANIZATIONS).await?;
        // The next round goes on from here, or begins anew: no organization waits for another's events to end.
        let began_at =
            std::mem::replace(&mut self.after, waiting.last().copied().filter(|_| waiting.len() == ORGANIZATIONS));
        if waiting.is_empty() {
            return Ok(Round { more: began_at.is_some(), ..Round::default() });
        }
        self.distribute(waiting, Audience::Sound, self.after.is_some()).await
    }

    /// `more` if there is more than what these organizations have.
    async fn distribute(
        &mut self,
        organizations: Vec<OrganizationId>,
        audience: Audience,
        more: bool,
    ) -> Result<Round, StoreError> {
        if !self.hold().await? {
            return Ok(Round { elsewhere: true, ..Round::default() });
        }
        let mut round = Round { more, ..Round::default() };
        let mut failed = None;
        let (now, batch, holder, store) = (self.clock.now(), self.batch, &self.holder, &self.store);
        let distributing = stream::iter(organizations).map(async |organization| {
            (organization, store.distribute(organization, holder, now, batch, audience).await)
        });
        let mut widest = 0;
        for (organization, done) in distributing.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await {
            match done {
                Ok(done) => {
                    round.events += done.events;
                    round.deliveries += done.deliveries;
                    round.more |= done.events == batch && !done.left;
                    widest = widest.max(done.deliveries.div_ceil(done.events.max(1)));
                    self.left.extend(done.left.then_some(organization));
                }
                Err(error) => {
                    failed.get_or_insert(error);
                }
            }
        }
        round.left = !self.left.is_empty();
        if round.events == 0 {
            // Somebody else has distributed what waited, or the lease is not what it was taken for.
            self.held_until = None;
        } else if !round.left {
            self.batch = (DELIVERIES / widest.max(1)).clamp(1, BATCH);
        }
        failed.map_or(Ok(round), Err)
    }

    async fn hold(&mut self) -> Result<bool, StoreError> {
        let now = self.clock.now();
        if self.held_until.is_some_and(|until| until.since(now) > RENEWED_WITH) {
            return Ok(true);
        }
        let held = self.store.hold(Lease::Distributor, &self.holder, now, LEASE).await?;
        self.held_until = held.then_some(now + LEASE);
        Ok(held)
    }

    /// Gives the lease up, for a server that stops.
    ///
    /// # Errors
    /// When the store fails; the lease ends by itself then.
    pub async fn resign(&mut self) -> Result<(), StoreError> {
        match self.held_until.take() {
            Some(_) => self.store.release(Lease::Distributor, &self.holder).await,
            None => Ok(()),
        }
    }
}
