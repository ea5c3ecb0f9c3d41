//! The contract of every store, as one suite of tests that each store runs completely; and fixtures for the tests of
//! other crates: a clock that a test sets, reproducible randomness, and sample records.
//!
//! A store runs the suite from a file of its own under `tests/`:
//!
//! ```
//! # use novantra_store_contract as store_contract;
//! use std::sync::Arc;
//!
//! use kernel::Clock;
//! use store_contract::OpenedStore;
//! use store_memory::MemoryStore;
//!
//! /// A new, empty store whose writes get their timestamps from this clock. A guard that must outlive it, such as a
//! /// temporary folder, is passed to [`OpenedStore::with_guard`]. [`OldEntries`] let the suite
//! /// put in what a migration leaves.
//! async fn open(clock: Arc<dyn Clock>) -> OpenedStore {
//!     let store = Arc::new(MemoryStore::new(clock));
//!     OpenedStore::new(store.clone()).with_old_entries(store)
//! }
//!
//! store_contract::contract_suite!(open);
//! ```
//!
//! The macro generates one `#[tokio::test]` per function of [`suite`], and one that runs
//! [`any_sequence_of_commands_leaves_two_stores_equal`] against the memory store, so that no store can omit a test. A
//! function that is missing from the macro's list fails a test of this crate. If one file tests several stores, each
//! needs a module of its own. The calling crate must depend on `tokio` with the features `macros` and
//! `rt-multi-thread`.
#![allow(clippy::unwrap_used, reason = "this is a library of tests, and a test fails by a panic")]

pub mod buckets;
mod clock;
mod differential;
mod entropy;
mod fixture;
mod fixture_log;
pub mod large_pages;
mod log_keys;
mod log_rows;
mod old_entries;
mod queue;
pub mod samples;
mod sealing;
pub mod suite;

pub use buckets::{MemoryBuckets, OpenedBuckets};
pub use clock::TestClock;
pub use differential::{any_sequence_of_commands_leaves_two_stores_equal, reference};
pub use entropy::TestEntropy;
pub use fixture::{Fixture, OpenedStore};
pub use log_keys::TestLogKey;
pub use old_entries::OldEntries;
pub use sealing::TestSealer;
