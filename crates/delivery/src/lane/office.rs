//! What all workers of a process share.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;
use webhooks::Lane;

use super::standing::Parties;
use crate::{dispatcher::Means, room::Room};

/// How many lanes' subscriptions and accounts are remembered, at some two kilobytes each.
const REMEMBERED: usize = 2048;

/// What all workers of a process share.
pub(crate) struct Office {
    pub(crate) means: Means,
    pub(crate) room: Room,
    pub(super) acquaintances: Acquaintances,
    stopping: watch::Sender<bool>,
}

impl Office {
    pub(crate) fn new(means: Means, room: Room) -> Self {
        Self { means, room, acquaintances: Acquaintances::default(), stopping: watch::Sender::new(false) }
    }

    /// From now on no attempt begins.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    pub(super) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Waits until no attempt is to begin any more.
    pub(super) async fn stopped(&self) {
        // The sender is here, so it can't be gone.
        let _ = self.stopping.subscribe().wait_for(|stopping| *stopping).await;
    }
}

/// Subscriptions and accounts that were met. They are good as long as their revisions are.
#[derive(Default)]
pub(super) struct Acquaintances(Mutex<HashMap<Lane, Arc<Parties>>>);

impl Acquaintances {
    pub(super) fn get(&self, lane: Lane) -> Option<Arc<Parties>> {
        self.lock().get(&lane).cloned()
    }

    pub(super) fn note(&self, lane: Lane, parties: Arc<Parties>) {
        let mut known = self.lock();
        if known.len() >= REMEMBERED && !known.contains_key(&lane) {
            known.clear();
        }
        known.insert(lane, parties);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Lane, Arc<Parties>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
