//! Temporary PostgreSQL clusters: for `cargo xtask test`, which starts one for all tests, and for tests that stop and
//! crash their own cluster.

mod cluster;
mod programs;

pub use cluster::{Cluster, Shutdown, TEST_SETTINGS};
pub use programs::{INSTALL_HINT, find_programs, is_root};

/// The result of an operation; the error is a message for the user.
pub type Outcome<T = ()> = Result<T, String>;
