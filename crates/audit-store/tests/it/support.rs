//! Chains in memory, and tables that fail.

mod chain;
mod failing;
mod forged;
mod objects;
mod state;

pub(crate) use chain::{TestChain, TestNotes, keys, lease_owner};
pub(crate) use failing::{FailingTables, Failure};
pub(crate) use objects::TestObjects;
pub(crate) use state::{assert_consistent, assert_listed, flip_byte_of_run, runs_of, segments_of};

/// The entries, none of which was redacted.
pub(crate) fn stored(sealed: Vec<audit::SealedEntry>) -> Vec<audit::StoredEntry> {
    sealed.into_iter().map(|sealed| sealed.into_stored().expect("nothing was redacted")).collect()
}
