//! The store on SQLite and PostgreSQL, from one set of table specifications.
//!
//! [`Database`] is an open database and its schema; [`SqlStore`] implements the ports over a database whose schema is
//! up to date.

mod accounts;
mod audit;
mod backup;
mod coalesce;
mod commit;
mod database;
mod delivery_queue;
mod directory;
mod effort;
mod engine;
mod idempotency;
mod listing;
mod location;
mod master_key;
mod migrations;
mod outbox;
mod plans;
mod presence;
mod rate_limits;
mod reader;
mod resources;
mod shape;
mod signing_keys;
mod statements;
mod statistics;
mod store;
mod streaming;
mod table;
mod texts;
mod transfer;
mod upkeep;
mod writes;

pub use database::{Database, Migration};
pub use location::{DatabaseOptions, DatabaseUrl, MalformedDatabaseUrl, PostgresUrl};
pub use presence::Role;
pub use rate_limits::SqlBuckets;
pub use store::SqlStore;
pub use transfer::{Copied, Progress, TransferError};
