//! A throw-away PostgreSQL cluster: for `cargo xtask test`, which starts one for all tests, and for tests that stop and
//! crash one of their own.

mod cluster;
mod programs;

pub use cluster::{Cluster, FOR_TESTS, Shutdown};
pub use programs::{MISSING, find, is_root};

/// What is done here; an error is one message for people.
pub type Outcome<T = ()> = Result<T, String>;
