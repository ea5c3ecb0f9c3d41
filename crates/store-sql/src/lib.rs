//! The store on SQLite and PostgreSQL, from one set of table specifications.
//!
//! [`Database`] is an open database and its schema; [`SqlStore`] implements the ports over a database whose schema is
//! up to date.

mod accounts;
mod audit;
mod auto_analyze;
mod backup;
mod batching;
mod commit;
mod database;
mod delivery_queue;
mod directory;
mod engine;
mod idempotency;
mod list_plan;
mod list_query;
mod location;
mod maintenance;
mod master_key;
mod migrations;
mod outbox;
mod query_cost;
mod query_plans;
mod rate_limits;
mod reader;
mod record_table;
mod resources;
mod signing_keys;
mod statement_cache;
mod statements;
mod store;
mod streaming;
mod table;
mod transfer;
mod writer_registry;
mod writes;

pub use database::{Database, Migration};
pub use location::{DatabaseOptions, DatabaseUrl, MalformedDatabaseUrl, PostgresUrl};
pub use rate_limits::SqlBuckets;
pub use store::SqlStore;
pub use transfer::{CopySummary, Progress, TransferError};
pub use writer_registry::Role;
