//! The retry schedule of failed deliveries (contract v1, webhooks).

use std::time::Duration;

use kernel::Timestamp;

/// Maximum duration of an attempt, until the response is complete.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);

/// The time for which all attempts of a subscription may fail before it is disabled.
pub const MAX_FAILING_DURATION: Duration = Duration::from_secs(5 * 24 * 60 * 60);

/// The longest delay that an endpoint can request with `Retry-After`.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// The delay after each failed attempt, before jitter changes it by up to a tenth in either direction.
pub const RETRY_DELAYS: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * MINUTE),
    Duration::from_secs(30 * MINUTE),
    Duration::from_secs(2 * HOUR),
    Duration::from_secs(5 * HOUR),
    Duration::from_secs(10 * HOUR),
    Duration::from_secs(14 * HOUR),
    Duration::from_secs(20 * HOUR),
    Duration::from_secs(24 * HOUR),
];

/// Returns when the next attempt is due after `failures` consecutive failed attempts (from 1), the last of which ended
/// at `at`; `None` if no further attempt is made. `jitter` is a random byte: 0 makes the delay a tenth shorter, 255 a
/// tenth longer. A longer `retry_after`, which the endpoint requested, takes precedence, up to a day.
#[must_use]
pub fn next_attempt_at(failures: usize, at: Timestamp, jitter: u8, retry_after: Option<Duration>) -> Option<Timestamp> {
    let planned = RETRY_DELAYS.get(failures.checked_sub(1)?)?;
    let millis = u64::try_from(planned.as_millis()).unwrap_or(u64::MAX);
    let spread = millis / 5;
    let delay = Duration::from_millis(millis - millis / 10 + spread * u64::from(jitter) / 255);
    let retry_after = retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
    Some(at + delay.max(retry_after))
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: Timestamp = Timestamp::from_millis(1_000_000);

    fn delay_seconds(failures: usize, jitter: u8, retry_after: Option<u64>) -> Option<u64> {
        next_attempt_at(failures, END, jitter, retry_after.map(Duration::from_secs)).map(|at| at.since(END).as_secs())
    }

    #[test]
    fn retry_delays_are_within_a_tenth_of_the_contract() {
        let expected: [u128; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
        for (failures, seconds) in (1..).zip(expected) {
            let millis = |jitter| next_attempt_at(failures, END, jitter, None).unwrap().since(END).as_millis();
            assert_eq!(millis(0), seconds * 900);
            assert_eq!(millis(255), seconds * 1_100);
        }
    }

    #[test]
    fn no_attempt_follows_the_tenth_failure() {
        assert!(delay_seconds(9, 128, None).is_some());
        assert_eq!(delay_seconds(10, 128, Some(60)), None);
    }

    #[test]
    fn a_subscription_is_disabled_after_five_days_without_a_success() {
        assert_eq!(MAX_FAILING_DURATION.as_secs(), 432_000);
    }

    #[test]
    fn retry_after_is_honoured_up_to_a_day() {
        assert_eq!(delay_seconds(1, 128, Some(3_600)), Some(3_600));
        assert_eq!(delay_seconds(1, 128, Some(7 * 86_400)), Some(86_400));
        assert_eq!(delay_seconds(2, 0, Some(1)), Some(270));
    }
}
