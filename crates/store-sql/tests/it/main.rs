//! The integration tests of the store, as one program.
//!
//! No test needs a program of its own: none kills a process or changes the machine. The "processes" of these tests are
//! stores in this one. The run of the contract suite under injected failures injects them by triggers in databases of
//! its own; the roles that it adds to the cluster are named after these databases.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod audit_runs_migration;
mod contract_postgres;
mod contract_postgres_crossed;
mod contract_sqlite;
mod delivery_costs;
mod delivery_queue_migration;
mod foreign_database;
mod malformed_log_rows;
mod outages;
mod processes;
mod rate_limits;
mod repeated_trips;
mod round_trips;
mod schema;
mod schema_comparison;
mod servers;
mod support;
mod tls;
mod transfer;
