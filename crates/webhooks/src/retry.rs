//! When a delivery that failed is tried again (contract v1, webhooks).

use std::time::Duration;

use kernel::Timestamp;

/// How long an endpoint has to answer.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// How long a subscription may fail without a single success before it is disabled.
pub const FAILING_AT_MOST: Duration = Duration::from_secs(5 * 24 * 60 * 60);

/// The longest an endpoint is left alone because it asked for it.
const LEFT_ALONE_AT_MOST: Duration = Duration::from_secs(24 * 60 * 60);

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// How long after each failed attempt the next one follows, before chance makes it up to a tenth more or less.
pub const RETRY_AFTER: [Duration; 9] = [
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

/// When to try again after the `failed`th failed attempt in a row (from 1), which ended `at` this moment; `None` when it
/// was the last. `chance` is any byte: 0 makes the wait a tenth shorter, 255 a tenth longer. Where the endpoint asked to be
/// left alone for longer, it is, up to a day.
#[must_use]
pub fn next_attempt(failed: usize, at: Timestamp, chance: u8, asked: Option<Duration>) -> Option<Timestamp> {
    let planned = RETRY_AFTER.get(failed.checked_sub(1)?)?;
    let millis = u64::try_from(planned.as_millis()).unwrap_or(u64::MAX);
    let spread = millis / 5;
    let wait = Duration::from_millis(millis - millis / 10 + spread * u64::from(chance) / 255);
    let asked = asked.unwrap_or_default().min(LEFT_ALONE_AT_MOST);
    Some(at + wait.max(asked))
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: Timestamp = Timestamp::from_millis(1_000_000);

    fn wait(failed: usize, chance: u8, asked: Option<u64>) -> Option<u64> {
        next_attempt(failed, END, chance, asked.map(Duration::from_secs)).map(|at| at.since(END).as_secs())
    }

    #[test]
    fn the_waits_are_those_of_the_contract_within_a_tenth() {
        let stated: [u128; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
        for (failed, stated) in (1..).zip(stated) {
            let millis = |chance| next_attempt(failed, END, chance, None).unwrap().since(END).as_millis();
            assert_eq!(millis(0), stated * 900);
            assert_eq!(millis(255), stated * 1_100);
        }
    }

    #[test]
    fn the_tenth_failure_is_the_last() {
        assert!(wait(9, 128, None).is_some());
        assert_eq!(wait(10, 128, Some(60)), None);
    }

    #[test]
    fn an_endpoint_is_left_alone_for_as_long_as_it_asks_up_to_a_day() {
        assert_eq!(wait(1, 128, Some(3_600)), Some(3_600));
        assert_eq!(wait(1, 128, Some(7 * 86_400)), Some(86_400));
        assert_eq!(wait(2, 0, Some(1)), Some(270));
    }
}
