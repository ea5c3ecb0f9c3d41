//! A pool of connections, each used by one transaction at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kernel::StoreError;
use tokio::{sync::SemaphorePermit, time::Instant};

use super::{connection::Connection, dial::Dial, gate::Gate};

pub(super) struct Writers {
    dial: Arc<Dial>,
    idle: Mutex<Vec<Arc<Connection>>>,
    gate: Gate,
}

/// A connection that is used exclusively. It is closed on drop, unless it is returned to the pool.
pub(super) struct Lease<'w> {
    writers: &'w Writers,
    pub(super) connection: Arc<Connection>,
    _place: SemaphorePermit<'w>,
}

impl Writers {
    pub(super) fn new(connector: Arc<Dial>, count: u32) -> Self {
        Self { dial: connector, idle: Mutex::default(), gate: Gate::new(count) }
    }

    /// The maximum number of connections.
    pub(super) fn count(&self) -> u32 {
        self.gate.count()
    }

    /// Acquires a connection, waiting for a free one until the deadline.
    pub(super) async fn lend(&self, deadline: Instant) -> Result<Lease<'_>, StoreError> {
        let permit = self.gate.enter(deadline).await?;
        let idle = {
            let mut idle = self.idle();
            idle.retain(|connection| !connection.is_dead());
            idle.pop()
        };
        let connection = match idle {
            Some(connection) => connection,
            None => Arc::new(self.dial.connect().await?),
        };
        Ok(Lease { writers: self, connection, _place: permit })
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
    /// Returns the connection to the pool. No transaction may be open on it.
    pub(super) fn give_back(self) {
        if !self.connection.is_dead() {
            self.writers.idle().push(Arc::clone(&self.connection));
        }
    }
}
