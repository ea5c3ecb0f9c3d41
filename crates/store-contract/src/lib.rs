//! What every store keeps to: one suite of tests that each store runs whole, and what tests of other crates need to stand
//! on: a clock they set, chance that repeats itself, and samples.
//!
//! A store runs the suite from a file of its own under `tests/`:
//!
//! ```ignore
//! use std::sync::Arc;
//!
//! use kernel::Clock;
//! use store_contract::Opened;
//!
//! /// A fresh, empty store whose writes are stamped by this clock.
//! async fn open(clock: Arc<dyn Clock>) -> Opened {
//!     let folder = tempfile::tempdir().unwrap();
//!     let store = SqlStore::open(folder.path(), clock).await.unwrap();
//!     Opened::new(Arc::new(store)).keeping(folder)
//! }
//!
//! store_contract::contract_suite!(open);
//! ```
//!
//! The macro writes one `#[tokio::test]` per function of [`suite`], [`equivalence`] with the memory store included, so
//! that no store leaves one out: a name missing from its list fails a test of this crate. Several stores in one crate take a
//! module each. The crate that calls it depends on `tokio` with the features `macros` and `rt-multi-thread`.
#![allow(clippy::unwrap_used, reason = "a library of tests: a panic is how they fail")]

mod clock;
mod entropy;
mod equivalence;
mod fixture;
pub mod samples;
pub mod suite;

pub use clock::TestClock;
pub use entropy::TestEntropy;
pub use equivalence::{any_sequence_of_commands_leaves_two_stores_equal, reference};
pub use fixture::{Fixture, Opened};
