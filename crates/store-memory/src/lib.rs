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
mod shared;
mod signing_keys;
mod state;
mod streaming;
mod table_imports;
mod tables;

use std::sync::Arc;

use audit::AuditTables;
use audit_store::{RowWriter, StoredLog};
use kernel::{Clock, StoreError, TimestampOracle, Ulid};

pub use interception::{Call, Interceptor};

use crate::{shared::Shared, state::State, tables::MemoryTables};

/// The writer of the rows of entries: a store in memory has one process alone.
const WRITER: Ulid = Ulid(1);

/// A store that keeps everything in memory.
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    timestamps: TimestampOracle,
    entry_timestamps: TimestampOracle,
    shared: Shared,
    tables: Arc<MemoryTables>,
    rows: RowWriter,
    log: StoredLog,
    interceptor: Option<Arc<dyn Interceptor>>,
}

impl MemoryStore {
    /// Creates an empty store whose timestamps come from this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let shared = Shared::default();
        let tables = Arc::new(MemoryTables::new(shared.clone()));
        Self {
            timestamps: TimestampOracle::new(Arc::clone(&clock)),
            entry_timestamps: TimestampOracle::new(Arc::clone(&clock)),
            clock,
            shared,
            rows: RowWriter::new(WRITER),
            log: StoredLog::new(Arc::clone(&tables) as Arc<dyn AuditTables>),
            tables,
            interceptor: None,
        }
    }

    /// Sets the interceptor that runs around the calls.
    #[must_use]
    pub fn with_interceptor(self, interceptor: Arc<dyn Interceptor>) -> Self {
        Self { interceptor: Some(interceptor), ..self }
    }

    fn snapshot(&self) -> Result<State, StoreError> {
        self.shared.snapshot()
    }

    fn change<T, E: From<StoreError>>(&self, apply: impl FnOnce(&mut State) -> Result<T, E>) -> Result<T, E> {
        self.shared.change(apply)
    }
}
