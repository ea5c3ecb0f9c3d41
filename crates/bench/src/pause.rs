//! The only place that waits by the wall clock.

use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome};

/// Sleeps.
#[expect(clippy::disallowed_methods, reason = "a benchmark watches an idle process for a stated time")]
pub(crate) fn sleep(time: Duration) {
    std::thread::sleep(time);
}

/// Polls until there is a value.
pub(crate) fn poll_until<T>(
    event: &str,
    timeout: Duration,
    interval: Duration,
    mut poll: impl FnMut() -> Outcome<Option<T>>,
) -> Outcome<T> {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(value) = poll()? {
            return Ok(value);
        }
        if Instant::now() >= deadline {
            return Err(Failure::new(format!("timed out after {} s: {event}", timeout.as_secs())));
        }
        sleep(interval);
    }
}
