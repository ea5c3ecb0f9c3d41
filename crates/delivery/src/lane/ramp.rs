//! How many attempts one endpoint gets at once.

/// The most attempts in flight to one endpoint.
pub(super) const MOST: usize = 16;

/// Begins with one; as many again are allowed once all of them have succeeded, and a failure leaves one.
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
    /// How many there may be.
    pub(super) fn width(self) -> usize {
        self.width
    }

    /// After one more attempt.
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
        let (mut ramp, mut widths) = (Ramp::default(), vec![1]);
        for _ in 0..100 {
            ramp = ramp.after(true);
            if widths.last() != Some(&ramp.width()) {
                widths.push(ramp.width());
            }
        }
        assert_eq!(widths, [1, 2, 4, 8, 16]);
        assert_eq!(ramp.after(false), Ramp::default());
    }
}
