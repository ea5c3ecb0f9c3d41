//! What every store keeps to: one suite of tests that each store runs whole, and what tests of other crates need to stand
//! on: a clock they set, chance that repeats itself, and samples.
//!
//! A store runs the suite from a file of its own under `tests/`:
//!
//! ```
//! # use novantra_store_contract as store_contract;
//! use std::sync::Arc;
//!
//! use kernel::Clock;
//! use store_contract::Opened;
//! use store_memory::MemoryStore;
//!
//! /// A fresh, empty store whose writes are stamped by this clock. What must outlive it, a folder say, goes into
//! /// [`Opened::keeping`].
//! async fn open(clock: Arc<dyn Clock>) -> Opened {
//!     Opened::new(Arc::new(MemoryStore::new(clock)))
//! }
//!
//! store_contract::contract_suite!(open);
//! ```
//!
//! The macro writes one `#[tokio::test]` per function of [`suite`], and one that runs
//! [`any_sequence_of_commands_leaves_two_stores_equal`] against the memory store, so that no store leaves one out; a
//! function that is missing from the macro's list fails a test of this crate. Several stores in one file take a module
//! each. The crate that calls it depends on `tokio` with the features `macros` and `rt-multi-thread`.
#![allow(clippy::unwrap_used, reason = "a library of tests: a panic is how they fail")]

pub mod buckets;
mod clock;
mod entropy;
mod equivalence;
mod fixture;
mod queue;
pub mod samples;
pub mod suite;

pub use buckets::{MemoryBuckets, OpenedBuckets};
pub use clock::TestClock;
pub use entropy::TestEntropy;
pub use equivalence::{any_sequence_of_commands_leaves_two_stores_equal, reference};
pub use fixture::{Fixture, Opened};
