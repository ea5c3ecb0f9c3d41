//! The store on SQLite and PostgreSQL, from one set of table specifications.
//!
//! [`Database`] is an open database and its schema; [`SqlStore`] implements the ports over a database whose schema is
//! up to date.
//!
//! Each module imports only those before it: `engine` knows which database it is; `batching` lets concurrent calls share
//! a query; `writer_registry` tracks the processes that write; `records` reads and writes records of any kind; `schema`
//! is what a database consists of; `ports` has a file for each port.

mod batching;
mod engine;
mod ports;
mod query_cost;
mod query_plans;
mod records;
mod schema;
mod writer_registry;

pub use engine::{DatabaseOptions, DatabaseUrl, MalformedDatabaseUrl, PostgresUrl};
pub use ports::{SqlBuckets, SqlStore};
pub use schema::{CopySummary, Database, Migration, Progress, TransferError};
pub use writer_registry::Role;
