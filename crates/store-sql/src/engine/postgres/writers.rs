//! Connections that are lent to one transaction at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kernel::StoreError;
use tokio::sync::SemaphorePermit;

use super::{connection::Connection, dial::Dial, gate::Gate};
use crate::location::DatabaseOptions;

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
    pub(super) fn new(dial: Arc<Dial>, options: &DatabaseOptions) -> Self {
        Self { dial, idle: Mutex::default(), gate: Gate::new(options.writers(), options.patience()) }
    }

    /// Lends a connection, as soon as one is free.
    pub(super) async fn lend(&self) -> Result<Lease<'_>, StoreError> {
        let place = self.gate.enter().await?;
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
