//! Connections that are lent to one transaction at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kernel::StoreError;
use tokio::{sync::SemaphorePermit, time::Instant};

use super::{connection::Connection, dial::Dial, gate::Gate};

pub(super) struct Writers {
    dial: Arc<Dial>,
    idle: Mutex<Vec<Arc<Connection>>>,
    gate: Gate,
}

/// A connection that is nobody else's. Unless it is given back it is not used again.
pub(super) struct Lease<'w> {
    writers: &'w Writers,
    pub(super) connection: Arc<Connection>,
    _place: SemaphorePermit<'w>,
}

impl Writers {
    pub(super) fn new(dial: Arc<Dial>, count: u32) -> Self {
        Self { dial, idle: Mutex::default(), gate: Gate::new(count) }
    }

    /// How many connections there are at most.
    pub(super) fn count(&self) -> u32 {
        self.gate.count()
    }

    /// Lends a connection, as soon as one is free, but not after this moment.
    pub(super) async fn lend(&self, until: Instant) -> Result<Lease<'_>, StoreError> {
        let place = self.gate.enter(until).await?;
        let idle = {
            let mut idle = self.idle();
            idle.retain(|connection| !connection.is_dead());
            idle.pop()
        };
        let connection = match idle {
            Some(connection) => connection,
            None => Arc::new(self.dial.connect().await?),
        };
        Ok(Lease { writers: self, connection, _place: place })
    }

    pub(super) async fn close(&self) {
        self.gate.close().await;
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Arc<Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease<'_> {
    /// To be used again: no transaction is open on it.
    pub(super) fn give_back(self) {
        if !self.connection.is_dead() {
            self.writers.idle().push(Arc::clone(&self.connection));
        }
    }
}
