//! The store in memory: nothing outlives the process, everything else holds as in any other store. It is the reference
//! meaning of the ports, so it is plain before it is fast.
//!
//! All there is, is one value of persistent maps. A write clones it, which costs nothing, applies itself to the clone and
//! swaps it in when all of it went well; a reader takes its snapshot the same way. Each call is done by the time its future
//! was polled once, so a caller that goes away interrupts nothing.

mod accounts;
mod audit_log;
mod delivery_queue;
mod directory;
mod ledger;
mod master_key;
mod reader;
mod signing_keys;
mod state;
mod streaming;
mod upkeep;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kernel::{Clock, Stamps, StoreError};

use crate::state::State;

/// Keeps everything in memory.
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    stamps: Stamps,
    entry_stamps: Stamps,
    /// `None` once closed.
    state: Mutex<Option<State>>,
}

impl MemoryStore {
    /// An empty store whose writes are stamped by this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            stamps: Stamps::new(Arc::clone(&clock)),
            entry_stamps: Stamps::new(Arc::clone(&clock)),
            clock,
            state: Mutex::new(Some(State::default())),
        }
    }

    /// Everything there is at this moment.
    fn snapshot(&self) -> Result<State, StoreError> {
        self.lock().clone().ok_or_else(closed)
    }

    /// Applies a change to everything there is: all of it, or nothing where it fails.
    fn change<T, E: From<StoreError>>(&self, apply: impl FnOnce(&mut State) -> Result<T, E>) -> Result<T, E> {
        let mut current = self.lock();
        let mut next = current.clone().ok_or_else(closed)?;
        let outcome = apply(&mut next)?;
        *current = Some(next);
        Ok(outcome)
    }

    fn lock(&self) -> MutexGuard<'_, Option<State>> {
        // What a panic leaves behind is whole: only finished changes are swapped in.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("it is closed".into())
}
