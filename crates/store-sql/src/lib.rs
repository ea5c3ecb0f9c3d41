//! The store on SQLite and PostgreSQL, from one set of table specifications.
//!
//! [`Database`] is an open database and its schema; [`SqlStore`] answers the ports over one whose schema is up to date.

mod accounts;
mod audit;
mod coalesce;
mod commit;
mod database;
mod directory;
mod engine;
mod idempotency;
mod listing;
mod location;
mod migrations;
mod outbox;
#[cfg(test)]
mod plans;
mod presence;
mod reader;
mod resources;
mod shape;
mod signing_keys;
mod statements;
mod store;
mod table;
mod texts;
mod upkeep;
mod writes;

pub use database::{Database, Migration};
pub use location::{DatabaseUrl, MalformedDatabaseUrl};
pub use presence::Role;
pub use store::SqlStore;
