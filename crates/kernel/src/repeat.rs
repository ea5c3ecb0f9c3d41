//! Calls that repeat an earlier one, which are counted instead of having an audit entry each (contract v1 § 8).

use crate::{entry::Entry, id::Id, organization::OrganizationId, timestamp::Timestamp};

/// The number of calls that repeat a call with an audit entry of its own, until one entry is stored for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepeatedCalls {
    /// The organization whose log the entries belong to.
    pub organization: OrganizationId,
    /// The entry of the call that they repeat.
    pub first: Id<Entry>,
    /// The time from which on the entry with the count is due.
    pub due_at: Timestamp,
    /// The number of calls, without the one that has the entry.
    pub calls: u64,
}
