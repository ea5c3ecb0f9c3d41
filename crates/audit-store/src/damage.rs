//! Entries of a chain that are not as they were sealed.

use kernel::{OrganizationId, StoreError};

/// A range of entries that are not as they were sealed, or can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the entries {first_sequence} to {last_sequence} of the log of {organization} are damaged: {reason}")]
pub struct Damage {
    /// The organization of the chain.
    pub organization: OrganizationId,
    /// The sequence of the first entry of the range.
    pub first_sequence: i64,
    /// The sequence of the last entry of the range.
    pub last_sequence: i64,
    /// The reason.
    pub reason: String,
}

impl Damage {
    pub(crate) fn new(organization: OrganizationId, (first, last): (i64, i64), reason: impl Into<String>) -> Self {
        Self { organization, first_sequence: first, last_sequence: last, reason: reason.into() }
    }
}

/// The reason that a step over one chain failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChainFailure {
    #[error(transparent)]
    Damage(#[from] Damage),
    #[error(transparent)]
    Store(#[from] StoreError),
}
