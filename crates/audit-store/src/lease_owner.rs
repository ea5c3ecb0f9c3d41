//! The lease under which chains are changed.

use std::time::Duration;

use audit::tables::LeaseHold;
use kernel::Timestamp;

/// The process that seals, compacts and converts while it holds the lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseOwner {
    /// The name of the lease.
    pub lease: &'static str,
    /// The name of the process.
    pub owner: String,
    /// The time for which each transaction renews the lease.
    pub duration: Duration,
}

impl LeaseOwner {
    /// Returns the lease as a transaction requires and renews it.
    #[must_use]
    pub fn hold(&self, now: Timestamp) -> LeaseHold {
        LeaseHold { lease: self.lease, owner: self.owner.clone(), now, duration: self.duration }
    }
}
