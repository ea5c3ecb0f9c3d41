//! The connections that all reads share, with many reads in flight on each.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kernel::StoreError;

use super::{concurrency_limit::ConcurrencyLimit, connection::Connection, connector::Connector};
use crate::engine::location::DatabaseOptions;

/// The maximum number of reads in flight on one connection.
const MAX_READS_PER_CONNECTION: u32 = 64;

pub(super) struct ReadPool {
    connector: Arc<Connector>,
    slots: Box<[Slot]>,
    pub(super) limit: ConcurrencyLimit,
}

/// A slot for a connection, which is opened when it is first needed and again when it is lost.
#[derive(Default)]
struct Slot {
    current: Mutex<Option<Arc<Connection>>>,
    opening: tokio::sync::Mutex<()>,
}

impl ReadPool {
    pub(super) fn new(connector: Arc<Connector>, options: &DatabaseOptions) -> Self {
        let count = options.readers();
        let slots = (0..count).map(|_| Slot::default()).collect();
        Self { connector, slots, limit: ConcurrencyLimit::new(count * MAX_READS_PER_CONNECTION) }
    }

    /// Returns the connection with the fewest reads in flight.
    pub(super) async fn connection(&self) -> Result<Arc<Connection>, StoreError> {
        let least = self.slots.iter().min_by_key(|slot| slot.load());
        match least {
            Some(slot) => slot.connection(&self.connector).await,
            None => self.connector.connect().await.map(Arc::new),
        }
    }

    /// Removes a connection from the pool, so that a new one is opened for the next read. Reads in flight on it may
    /// still complete.
    pub(super) fn discard(&self, connection: &Arc<Connection>) {
        for slot in &self.slots {
            let mut current = slot.current();
            if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, connection)) {
                *current = None;
            }
        }
    }

    pub(super) async fn close(&self) {
        self.limit.close().await;
        for slot in &self.slots {
            *slot.current() = None;
        }
    }
}

impl Slot {
    /// The number of reads in flight, each of which holds a reference to the connection.
    fn load(&self) -> usize {
        self.current().as_ref().map_or(0, Arc::strong_count)
    }

    async fn connection(&self, connector: &Connector) -> Result<Arc<Connection>, StoreError> {
        if let Some(connection) = self.live_connection() {
            return Ok(connection);
        }
        let _opening = self.opening.lock().await;
        // Another caller may have opened it meanwhile.
        if let Some(connection) = self.live_connection() {
            return Ok(connection);
        }
        let connection = Arc::new(connector.connect().await?);
        *self.current() = Some(Arc::clone(&connection));
        Ok(connection)
    }

    fn live_connection(&self) -> Option<Arc<Connection>> {
        self.current().as_ref().filter(|connection| !connection.is_closed()).cloned()
    }

    fn current(&self) -> MutexGuard<'_, Option<Arc<Connection>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
