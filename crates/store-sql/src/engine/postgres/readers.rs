//! Connections that all reads share, many under way on each.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kernel::StoreError;

use super::{connection::Connection, dial::Dial, gate::Gate};
use crate::location::DatabaseOptions;

/// How many reads are under way on a connection at most.
const EACH: u32 = 64;

pub(super) struct Readers {
    dial: Arc<Dial>,
    slots: Box<[Slot]>,
    pub(super) gate: Gate,
}

/// A place for a connection, which is made when it is first needed and again whenever it is gone.
#[derive(Default)]
struct Slot {
    current: Mutex<Option<Arc<Connection>>>,
    opening: tokio::sync::Mutex<()>,
}

impl Readers {
    pub(super) fn new(dial: Arc<Dial>, options: &DatabaseOptions) -> Self {
        let count = options.readers();
        let slots = (0..count).map(|_| Slot::default()).collect();
        Self { dial, slots, gate: Gate::new(count * EACH) }
    }

    /// The connection with the least to do.
    pub(super) async fn pick(&self) -> Result<Arc<Connection>, StoreError> {
        let least = self.slots.iter().min_by_key(|slot| slot.load());
        match least {
            Some(slot) => slot.connection(&self.dial).await,
            None => self.dial.connect().await.map(Arc::new),
        }
    }

    /// Has it replaced, though what was asked on it may still be answered.
    pub(super) fn retire(&self, connection: &Arc<Connection>) {
        for slot in &self.slots {
            let mut current = slot.current();
            if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, connection)) {
                *current = None;
            }
        }
    }

    pub(super) async fn close(&self) {
        self.gate.close().await;
        for slot in &self.slots {
            *slot.current() = None;
        }
    }
}

impl Slot {
    /// How many reads are under way: each holds the connection.
    fn load(&self) -> usize {
        self.current().as_ref().map_or(0, Arc::strong_count)
    }

    async fn connection(&self, dial: &Dial) -> Result<Arc<Connection>, StoreError> {
        if let Some(connection) = self.living() {
            return Ok(connection);
        }
        let _opening = self.opening.lock().await;
        // Whoever opened meanwhile did it for all.
        if let Some(connection) = self.living() {
            return Ok(connection);
        }
        let connection = Arc::new(dial.connect().await?);
        *self.current() = Some(Arc::clone(&connection));
        Ok(connection)
    }

    fn living(&self) -> Option<Arc<Connection>> {
        self.current().as_ref().filter(|connection| !connection.is_dead()).cloned()
    }

    fn current(&self) -> MutexGuard<'_, Option<Arc<Connection>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
