//! A clock that stands still until a test moves it.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use kernel::{Clock, Timestamp};

/// A clock whose time is set by the test.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl TestClock {
    /// The initial time of a default clock: 2026-05-25T14:08:33.000Z.
    pub const START: Timestamp = Timestamp::from_millis(1_779_718_113_000);

    /// A clock that shows this moment.
    #[must_use]
    pub const fn new(moment: Timestamp) -> Self {
        Self(AtomicI64::new(moment.millis()))
    }

    /// Sets the clock, forwards or backwards.
    pub fn set(&self, moment: Timestamp) {
        self.0.store(moment.millis(), Ordering::SeqCst);
    }

    /// Advances the clock and returns its new time.
    pub fn advance(&self, span: Duration) -> Timestamp {
        let millis = i64::try_from(span.as_millis()).unwrap();
        Timestamp::from_millis(self.0.fetch_add(millis, Ordering::SeqCst) + millis)
    }

    /// Advances the clock by one millisecond and returns its new time.
    pub fn tick(&self) -> Timestamp {
        self.advance(Duration::from_millis(1))
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new(Self::START)
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}
