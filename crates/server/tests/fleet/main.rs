//! Several servers over one PostgreSQL: what they promise together, and what may befall them.

#[path = "../support/mod.rs"]
mod support;

mod expanding;
mod killing;
mod load;
mod outage;
mod pool;
mod sharing;
mod standing;
mod starting;
