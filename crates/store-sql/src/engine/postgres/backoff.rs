//! Retries with exponential back-off.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

/// The maximum number of attempts at work that failed transiently.
const MAX_ATTEMPTS: u32 = 10;
const INITIAL_DELAY: Duration = Duration::from_millis(2);
const MAX_DELAY: Duration = Duration::from_millis(250);

/// Counts the attempts at one piece of work.
#[derive(Default)]
pub(super) struct Attempts {
    made: u32,
}

impl Attempts {
    /// Waits for the back-off delay before the next attempt. Returns `false` when no attempts are left.
    pub(super) async fn wait_for_retry(&mut self) -> bool {
        self.made += 1;
        if self.made >= MAX_ATTEMPTS {
            return false;
        }
        tokio::time::sleep(jittered(INITIAL_DELAY.saturating_mul(1 << self.made.min(16)).min(MAX_DELAY))).await;
        true
    }
}

/// Returns a random part of the delay, between half of it and all of it, so that transactions that conflicted do not
/// conflict again.
pub(super) fn jittered(delay: Duration) -> Duration {
    static STEPS: AtomicU32 = AtomicU32::new(0);
    // Multiples of the golden ratio are spread evenly, also across processes.
    let step = STEPS.fetch_add(1, Ordering::Relaxed).wrapping_add(std::process::id()).wrapping_mul(0x9E37_79B9);
    delay / 2 + delay.mul_f64(f64::from(step) / f64::from(u32::MAX) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jittered_delay_is_between_half_of_the_delay_and_all_of_it() {
        let delay = Duration::from_millis(100);
        let delays: Vec<Duration> = (0..100).map(|_| jittered(delay)).collect();
        assert!(delays.iter().all(|jittered| (delay / 2..=delay).contains(jittered)), "{delays:?}");
        assert!(delays.windows(2).all(|two| two[0] != two[1]));
    }

    #[tokio::test(start_paused = true)]
    async fn the_number_of_attempts_is_limited() {
        let mut attempts = Attempts::default();
        let mut made = 1;
        while attempts.wait_for_retry().await {
            made += 1;
        }
        assert_eq!(made, MAX_ATTEMPTS);
    }
}
