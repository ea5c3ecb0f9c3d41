//! A clock that replays the past.

use std::sync::{Arc, Mutex, PoisonError};

use kernel::{Clock, Timestamp};

/// Shows earlier times until it is released, and the time of another clock from then on. The demo records with it what has
/// happened in the past months. It never steps back, as long as it is moved ahead only.
pub(crate) struct ReplayClock {
    clock: Arc<dyn Clock>,
    /// The time that is shown; `None` once the clock is released.
    replayed: Mutex<Option<Timestamp>>,
}

impl ReplayClock {
    /// Creates a clock that shows `start` until it is moved.
    pub(crate) fn new(clock: Arc<dyn Clock>, start: Timestamp) -> Self {
        Self { clock, replayed: Mutex::new(Some(start)) }
    }

    /// The time that it will show once it is released.
    pub(crate) fn present(&self) -> Timestamp {
        self.clock.now()
    }

    /// Moves the clock ahead to this time, unless it was released. It never passes the present.
    pub(crate) fn move_to(&self, time: Timestamp) {
        let mut replayed = self.replayed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shown) = replayed.as_mut() {
            *shown = time.max(*shown).min(self.clock.now());
        }
    }

    /// Shows the present from now on.
    pub(crate) fn release(&self) {
        *self.replayed.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Clock for ReplayClock {
    fn now(&self) -> Timestamp {
        let replayed = *self.replayed.lock().unwrap_or_else(PoisonError::into_inner);
        replayed.unwrap_or_else(|| self.clock.now())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use store_contract::TestClock;

    use super::*;

    #[test]
    fn the_past_is_replayed_until_the_clock_is_released() {
        let present = TestClock::START;
        let clock = ReplayClock::new(Arc::new(TestClock::new(present)), present - Duration::from_secs(100));
        assert_eq!(clock.now(), present - Duration::from_secs(100));
        clock.move_to(present - Duration::from_secs(50));
        clock.move_to(present - Duration::from_secs(70));
        assert_eq!(clock.now(), present - Duration::from_secs(50), "it does not step back");
        clock.move_to(present + Duration::from_secs(1));
        assert_eq!(clock.now(), present, "it does not pass the present");
        clock.release();
        clock.move_to(present - Duration::from_secs(1));
        assert_eq!((clock.now(), clock.present()), (present, present));
    }
}
