//! Slow start of the concurrency per endpoint.

/// Maximum number of attempts in flight to one endpoint.
pub(super) const MAX_CONCURRENCY: usize = 16;

/// The allowed number of concurrent attempts: starts at one, doubles after as many successes as are allowed, and
/// returns to one after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SlowStart {
    concurrency: usize,
    successes: usize,
}

impl Default for SlowStart {
    fn default() -> Self {
        Self { concurrency: 1, successes: 0 }
    }
}

impl SlowStart {
    /// The allowed number of attempts in flight.
    pub(super) fn concurrency(self) -> usize {
        self.concurrency
    }

    /// Returns the state after one more attempt.
    pub(super) fn after(self, succeeded: bool) -> Self {
        if !succeeded {
            return Self::default();
        }
        let successes = self.successes + 1;
        if successes < self.concurrency || self.concurrency == MAX_CONCURRENCY {
            return Self { successes, ..self };
        }
        Self { concurrency: (self.concurrency * 2).min(MAX_CONCURRENCY), successes: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn successes_double_the_concurrency_up_to_sixteen_and_a_failure_resets_it_to_one() {
        let (mut slow_start, mut steps) = (SlowStart::default(), vec![1]);
        for _ in 0..100 {
            slow_start = slow_start.after(true);
            if steps.last() != Some(&slow_start.concurrency()) {
                steps.push(slow_start.concurrency());
            }
        }
        assert_eq!(steps, [1, 2, 4, 8, 16]);
        assert_eq!(slow_start.after(false), SlowStart::default());
    }
}
