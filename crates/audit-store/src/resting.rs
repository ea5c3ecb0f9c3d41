//! Chains that are not tried again for a while.

use std::{collections::BTreeMap, time::Duration};

use kernel::{OrganizationId, Timestamp};

/// The time for which a chain with damaged entries is left alone.
const REST: Duration = Duration::from_secs(3600);

/// The chains that could not be continued, and when each may be tried again.
#[derive(Debug, Default)]
pub(crate) struct Resting {
    until: BTreeMap<OrganizationId, Timestamp>,
}

impl Resting {
    pub(crate) fn add(&mut self, organization: OrganizationId, now: Timestamp) {
        self.until.insert(organization, now + REST);
    }

    pub(crate) fn contains(&self, organization: OrganizationId) -> bool {
        self.until.contains_key(&organization)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.until.is_empty()
    }

    /// Whether a chain may be tried again.
    pub(crate) fn has_rested(&self, now: Timestamp) -> bool {
        self.until.values().any(|until| is_over(*until, now))
    }

    /// Removes the chains that may be tried again, and returns them.
    pub(crate) fn take_rested(&mut self, now: Timestamp) -> Vec<OrganizationId> {
        let rested = self.until.iter().filter(|(_, until)| is_over(**until, now)).map(|(chain, _)| *chain).collect();
        self.until.retain(|_, until| !is_over(*until, now));
        rested
    }
}

fn is_over(until: Timestamp, now: Timestamp) -> bool {
    // A rest that is longer than any began before the clock was set back.
    until <= now || until > now + REST
}
