//! The session in which a process leases its partitions.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use kernel::{Entropy, Timestamp};

/// Duration of a partition lease from its last renewal, and so the longest pause of a partition after its owner has died,
/// apart from the interval in which others look for it: within 5 s somebody else sends its deliveries.
pub(crate) const LEASE_DURATION: Duration = Duration::from_secs(4);

/// The interval of renewals, so short that two may fail before an owner stops sending.
pub const RENEWAL_INTERVAL: Duration = Duration::from_secs(1);

/// The time before the expiry of its leases at which an owner stops sending.
const SAFETY_MARGIN: Duration = Duration::from_secs(1);

/// The owner id under which a process leases partitions, and the time until which all of its leases are certainly
/// valid. After that, other processes may acquire them: a process whose session has expired continues with a new owner
/// id.
#[derive(Debug)]
pub(crate) struct LeaseSession {
    pub(crate) owner: String,
    valid_until: AtomicI64,
}

impl LeaseSession {
    /// Begins a session at `now`.
    pub(crate) fn new(entropy: &dyn Entropy, now: Timestamp) -> Self {
        let valid_until = AtomicI64::new((now + LEASE_DURATION - SAFETY_MARGIN).millis());
        Self { owner: entropy.ulid(now).to_string(), valid_until }
    }

    /// Whether the session is valid at `now`. One that would be valid for longer than any lease lasts is from before the
    /// clock was set back: it counts as expired, since its leases may be.
    pub(crate) fn is_valid(&self, now: Timestamp) -> bool {
        let until = Timestamp::from_millis(self.valid_until.load(Ordering::Acquire));
        now < until && until <= now + LEASE_DURATION
    }

    /// Extends the session: all of its leases were acquired or renewed at `now` or later. It is never shortened, so that
    /// one from before the clock was set back stays expired.
    pub(crate) fn renewed_at(&self, now: Timestamp) {
        self.valid_until.fetch_max((now + LEASE_DURATION - SAFETY_MARGIN).millis(), Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_of_a_time_that_the_clock_no_longer_shows_is_expired() {
        let (now, ahead) = (Timestamp::from_millis(1_000_000), Timestamp::from_millis(8_200_000));
        let session = LeaseSession { owner: String::new(), valid_until: AtomicI64::new(0) };
        session.renewed_at(ahead);
        assert!(session.is_valid(ahead));
        assert!(!session.is_valid(now));
        session.renewed_at(now);
        assert!(!session.is_valid(now), "its leases may have been lost meanwhile");
    }
}
