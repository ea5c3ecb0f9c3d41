//! Slow start of the concurrency per endpoint.

/// Maximum number of attempts in flight to one endpoint.
pub(super) const MOST: usize = 16;

/// The allowed number of concurrent attempts: starts at one, doubles after as many successes as are allowed, and
/// returns to one after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ramp {
    width: usize,
    successes: usize,
}

impl Default for Ramp {
    fn default() -> Self {
        Self { width: 1, successes: 0 }
    }
}

impl Ramp {
    /// The allowed number of attempts in flight.
    pub(super) fn width(self) -> usize {
        self.width
    }

    /// Returns the state after one more attempt.
    pub(super) fn after(self, succeeded: bool) -> Self {
        if !succeeded {
            return Self::default();
        }
        let successes = self.successes + 1;
        if successes < self.width || self.width == MOST {
            return Self { successes, ..self };
        }
        Self { width: (self.width * 2).min(MOST), successes: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn successes_widen_the_way_to_sixteen_and_a_failure_narrows_it_to_one() {
        let (mut slow_start, mut steps) = (Ramp::default(), vec![1]);
        for _ in 0..100 {
            slow_start = slow_start.after(true);
            if steps.last() != Some(&slow_start.width()) {
                steps.push(slow_start.width());
            }
        }
        assert_eq!(steps, [1, 2, 4, 8, 16]);
        assert_eq!(slow_start.after(false), Ramp::default());
    }
}
