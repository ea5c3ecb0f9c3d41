//! For how long a process holds its lanes.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use kernel::{Entropy, Timestamp};

/// How long a lane is held from one renewal to the next, and so about how long it stands still after its holder died.
pub(crate) const LEASE: Duration = Duration::from_secs(20);

/// By how much a holder stops before others may begin.
const MARGIN: Duration = Duration::from_secs(1);

/// The name a process holds lanes under, and until when it holds all of them for certain. Once that is over, others may
/// have them: a process whose tenure has lapsed goes on under another name.
#[derive(Debug)]
pub(crate) struct Tenure {
    pub(crate) holder: String,
    until: AtomicI64,
}

impl Tenure {
    /// A new one, from now on.
    pub(crate) fn begin(entropy: &dyn Entropy, now: Timestamp) -> Self {
        let until = AtomicI64::new((now + LEASE - MARGIN).millis());
        Self { holder: entropy.ulid(now).to_string(), until }
    }

    /// Whether it lasts still.
    pub(crate) fn lasts(&self, now: Timestamp) -> bool {
        now.millis() < self.until.load(Ordering::Acquire)
    }

    /// All of its lanes were taken or renewed at this moment or later.
    pub(crate) fn extend(&self, now: Timestamp) {
        self.until.fetch_max((now + LEASE - MARGIN).millis(), Ordering::AcqRel);
    }
}
