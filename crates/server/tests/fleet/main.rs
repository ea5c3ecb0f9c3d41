//! Several servers over one PostgreSQL: their common guarantees, and failures of servers and database.

#[path = "../support/mod.rs"]
mod support;

mod account_status;
mod expanding;
mod killing;
mod load;
mod outage;
mod pool;
mod sharing;
mod starting;
