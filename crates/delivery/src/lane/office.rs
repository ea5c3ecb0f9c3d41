//! The context that all workers of a process share.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;
use webhooks::Lane;

use super::standing::Parties;
use crate::{dispatcher::Means, room::Room};

/// Maximum number of cached subscriptions with their accounts, at about two kilobytes each.
const REMEMBERED: usize = 2048;

/// The context that all workers of a process share.
pub(crate) struct Office {
    pub(crate) means: Means,
    pub(crate) room: Room,
    pub(super) acquaintances: Acquaintances,
    stopping: watch::Sender<bool>,
}

impl Office {
    pub(crate) fn new(services: Means, limits: Room) -> Self {
        Self {
            means: services,
            room: limits,
            acquaintances: Acquaintances::default(),
            stopping: watch::Sender::new(false),
        }
    }

    /// Signals the shutdown: no further attempt starts.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    pub(super) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Waits until the shutdown is signalled.
    pub(super) async fn stopped(&self) {
        // This can't fail, because `self` holds the sender.
        let _ = self.stopping.subscribe().wait_for(|stopping| *stopping).await;
    }
}

/// A cache of subscriptions with their accounts. An entry is valid as long as the revisions of both are current.
#[derive(Default)]
pub(super) struct Acquaintances(Mutex<HashMap<Lane, Arc<Parties>>>);

impl Acquaintances {
    pub(super) fn get(&self, partition: Lane) -> Option<Arc<Parties>> {
        self.lock().get(&partition).cloned()
    }

    pub(super) fn note(&self, partition: Lane, subscription_with_account: Arc<Parties>) {
        let mut cache = self.lock();
        if cache.len() >= REMEMBERED && !cache.contains_key(&partition) {
            cache.clear();
        }
        cache.insert(partition, subscription_with_account);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Lane, Arc<Parties>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
