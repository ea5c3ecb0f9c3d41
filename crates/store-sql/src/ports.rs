//! The store: [`SqlStore`] implements each port in a file of its own.

mod accounts;
pub(crate) mod audit;
mod clock;
mod clock_evidence;
mod commit;
mod delivery_queue;
mod directory;
pub(crate) mod evidence;
mod idempotency;
mod installation;
mod key_claims;
mod maintenance;
mod master_key;
mod outbox;
mod people;
mod rate_limits;
mod reader;
mod rollups;
mod saved_views;
mod search;
mod signing_keys;
mod storage_usage;
mod table_imports;

use std::sync::Arc;

use audit_store::{RowWriter, StoredLog};
use kernel::{Clock, StoreError};
use ulid::Ulid;

pub use clock_evidence::ClockEvidence;
pub use installation::InstallationChange;
pub use rate_limits::SqlBuckets;

use crate::{
    engine::Engine,
    installation_guard::InstallationGuard,
    schema::{AutoAnalyze, Database},
    writer_registry::{InFlight, Role, WriterRegistration},
};
use accounts::AccountRevisions;
use audit::{EntryBatcher, SqlAuditTables};
use commit::CommitBatcher;
use delivery_queue::{PartitionRevisions, QueueBatchers};
use maintenance::WriteProbe;

/// The implementation of every store port over an SQL database.
pub struct SqlStore {
    database: Database,
    engine: Arc<Engine>,
    installation_guard: Arc<InstallationGuard>,
    in_flight: InFlight,
    registration: WriterRegistration,
    commits: CommitBatcher,
    account_revisions: AccountRevisions,
    partition_revisions: PartitionRevisions,
    queue_batchers: QueueBatchers,
    entry_batcher: EntryBatcher,
    /// The rows that this process stores its audit entries in.
    rows: Arc<RowWriter>,
    audit_tables: Arc<SqlAuditTables>,
    stored_log: StoredLog,
    clock: Arc<dyn Clock>,
    write_probe: WriteProbe,
    scan_limit: usize,
    _auto_analyze: AutoAnalyze,
}

/// The most rows that one page scans: few enough that a page costs milliseconds, enough that reading a large collection
/// of which little matches takes tens of pages.
const DEFAULT_SCAN_LIMIT: usize = 2_000;

impl SqlStore {
    /// Opens a store over this database and registers this process. `process` identifies it among the processes that
    /// share the database.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database can't be reached or its schema is not the one this program needs
    /// (see [`Database::migrate`]).
    pub async fn open(
        database: Database,
        role: Role,
        clock: Arc<dyn Clock>,
        process: Ulid,
    ) -> Result<Self, StoreError> {
        database.ensure_current().await?;
        let engine = Arc::clone(&database.engine);
        let installation_guard = InstallationGuard::new(&engine);
        let (registration, in_flight) =
            WriterRegistration::register(&engine, &installation_guard, role, &clock, process).await?;
        let audit_tables = Arc::new(SqlAuditTables::new(&engine, &installation_guard, DEFAULT_SCAN_LIMIT));
        Ok(Self {
            commits: CommitBatcher::default(),
            account_revisions: AccountRevisions::default(),
            partition_revisions: PartitionRevisions::default(),
            queue_batchers: QueueBatchers::default(),
            entry_batcher: EntryBatcher::default(),
            rows: Arc::new(RowWriter::new(process)),
            stored_log: StoredLog::new(Arc::clone(&audit_tables) as _),
            audit_tables,
            clock,
            write_probe: WriteProbe::default(),
            scan_limit: DEFAULT_SCAN_LIMIT,
            _auto_analyze: AutoAnalyze::spawn(&engine),
            database,
            engine,
            installation_guard,
            in_flight,
            registration,
        })
    }

    /// Returns this store with another limit on the rows that one page of a list scans: `rows`, 1 or more, whether they
    /// match or not. A page that reaches the limit is short and has a cursor to continue from. To be called before any other
    /// method.
    #[must_use]
    pub fn with_scan_limit(self, rows: usize) -> Self {
        let audit_tables = Arc::new(SqlAuditTables::new(&self.engine, &self.installation_guard, rows));
        Self { scan_limit: rows, stored_log: StoredLog::new(Arc::clone(&audit_tables) as _), audit_tables, ..self }
    }
}
