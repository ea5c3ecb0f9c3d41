//! The in-memory store: nothing outlives the process, but all other guarantees of a store hold. It is the reference
//! implementation of the ports, so it favours simplicity over speed.
//!
//! The state is one value of persistent maps. A write clones it, which is cheap, applies its changes to the clone and
//! swaps the clone in when all of them succeeded; a reader takes its snapshot the same way. Each call completes in the
//! first poll of its future, so a caller that drops the future interrupts nothing, unless an [`Interceptor`] delays it.

mod accounts;
mod audit_log;
mod delivery_history;
mod directory;
mod event_fan_out;
mod evidence;
mod identity;
mod interception;
mod ledger;
mod maintenance;
mod master_key;
mod partition_queue;
mod people;
mod reader;
mod rollups;
mod saved_views;
mod search;
mod signing_keys;
mod state;
mod streaming;
mod table_imports;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kernel::{Clock, StoreError, TimestampOracle};

pub use interception::{Call, Interceptor};

use crate::state::State;

/// A store that keeps everything in memory.
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    timestamps: TimestampOracle,
    entry_timestamps: TimestampOracle,
    /// The current state; `None` once the store is closed.
    state: Mutex<Option<State>>,
    interceptor: Option<Arc<dyn Interceptor>>,
}

impl MemoryStore {
    /// Creates an empty store whose timestamps come from this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            timestamps: TimestampOracle::new(Arc::clone(&clock)),
            entry_timestamps: TimestampOracle::new(Arc::clone(&clock)),
            clock,
            state: Mutex::new(Some(State::default())),
            interceptor: None,
        }
    }

    /// Sets the interceptor that runs around the calls.
    #[must_use]
    pub fn with_interceptor(self, interceptor: Arc<dyn Interceptor>) -> Self {
        Self { interceptor: Some(interceptor), ..self }
    }

    /// Returns a snapshot of the current state.
    fn snapshot(&self) -> Result<State, StoreError> {
        self.lock().clone().ok_or_else(closed)
    }

    /// Applies a change to the state atomically: if it fails, the state stays as it was.
    fn change<T, E: From<StoreError>>(&self, apply: impl FnOnce(&mut State) -> Result<T, E>) -> Result<T, E> {
        let mut current = self.lock();
        let mut next = current.clone().ok_or_else(closed)?;
        let outcome = apply(&mut next)?;
        *current = Some(next);
        Ok(outcome)
    }

    fn lock(&self) -> MutexGuard<'_, Option<State>> {
        // The state is consistent even after a panic, because only complete changes are swapped in.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".into())
}
