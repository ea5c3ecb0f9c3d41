//! Trying again, a little later each time.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

/// How often work that crossed another's is done at most.
const MOST: u32 = 10;
const FIRST: Duration = Duration::from_millis(2);
const LONGEST: Duration = Duration::from_millis(250);

/// The attempts at one piece of work.
#[derive(Default)]
pub(super) struct Attempts {
    made: u32,
}

impl Attempts {
    /// Waits for the next attempt's turn. Says `false` when there have been enough.
    pub(super) async fn again(&mut self) -> bool {
        self.made += 1;
        if self.made >= MOST {
            return false;
        }
        tokio::time::sleep(jittered(FIRST.saturating_mul(1 << self.made.min(16)).min(LONGEST))).await;
        true
    }
}

/// Between half of the span and all of it, so that those who crossed each other don't meet again.
pub(super) fn jittered(span: Duration) -> Duration {
    static STEPS: AtomicU32 = AtomicU32::new(0);
    // Multiples of the golden ratio lie far from each other, those of two processes too.
    let step = STEPS.fetch_add(1, Ordering::Relaxed).wrapping_add(std::process::id()).wrapping_mul(0x9E37_79B9);
    span / 2 + span.mul_f64(f64::from(step) / f64::from(u32::MAX) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_between_half_of_its_span_and_all_of_it() {
        let span = Duration::from_millis(100);
        let pauses: Vec<Duration> = (0..100).map(|_| jittered(span)).collect();
        assert!(pauses.iter().all(|pause| (span / 2..=span).contains(pause)), "{pauses:?}");
        assert!(pauses.windows(2).all(|two| two[0] != two[1]));
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_come_to_an_end() {
        let mut attempts = Attempts::default();
        let mut made = 1;
        while attempts.again().await {
            made += 1;
        }
        assert_eq!(made, MOST);
    }
}
