//! The store on SQLite and PostgreSQL, from one set of table specifications.
//!
//! [`Database`] is an open database and its schema; [`SqlStore`] implements the ports over a database whose schema is
//! up to date.
//!
//! Each module imports only those before it: `engine`, the only one that knows which database it is; `batching`, with
//! which concurrent calls share a query; `installation_guard`, which recognizes the database of another installation;
//! `writer_registry`, which tracks the processes that write; `records`, which reads and writes records of any kind;
//! `schema`, which creates, migrates and copies the tables; `ports`, with a file for each port.

mod batching;
mod engine;
mod installation_guard;
mod ports;
mod query_cost;
mod query_plans;
mod records;
mod schema;
mod writer_registry;

pub use engine::{DatabaseOptions, DatabaseUrl, MalformedDatabaseUrl, PostgresKind, PostgresUrl};
pub use ports::{ClockEvidence, InstallationChange, SqlBuckets, SqlStore};
pub use schema::{
    CopyPurpose, CopySummary, Database, Limitation, Migration, MisplacedTable, Placement, Progress, SchemaComparison,
    SchemaDifference, TransferError,
};
pub use writer_registry::{MAX_PAUSE, Role};
