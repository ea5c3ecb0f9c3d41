//! Temporary PostgreSQL clusters: for `cargo xtask test`, which starts one for all tests, and for tests that stop and
//! crash their own cluster. With the feature `test-database` also what tests need that use a database: a temporary
//! database for each, and a proxy that counts statements.

mod cluster;
mod programs;
#[cfg(feature = "test-database")]
mod statement_proxy;
#[cfg(feature = "test-database")]
mod test_database;

pub use cluster::{Cluster, Shutdown, TEST_SETTINGS};
pub use programs::{INSTALL_HINT, find_programs, is_root};
#[cfg(feature = "test-database")]
pub use statement_proxy::{CommitLoss, StatementProxy};
#[cfg(feature = "test-database")]
pub use test_database::{TestDatabase, execute_blocking};

/// The result of an operation; the error is a message for the user.
pub type Outcome<T = ()> = Result<T, String>;
