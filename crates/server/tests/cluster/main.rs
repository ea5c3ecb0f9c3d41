//! Several servers over one PostgreSQL: their common guarantees, machines with wrong clocks, and failures of servers
//! and of the database.

#[path = "../support/mod.rs"]
mod support;

mod account_status;
mod audit_kills;
mod clocks;
mod foreign_database;
mod kills;
mod load;
mod lock_waits;
mod outage;
mod schema_expansion;
mod sealing;
mod sharing;
mod signing_keys;
mod startup;
