//! The one place that waits by the wall clock: measuring is watching time pass.

use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome};

/// Lets time pass.
#[expect(clippy::disallowed_methods, reason = "a benchmark watches an idle process for a stated time")]
pub(crate) fn rest(time: Duration) {
    std::thread::sleep(time);
}

/// Looks again and again until there is something to see.
pub(crate) fn until<T>(
    what: &str,
    within: Duration,
    every: Duration,
    mut look: impl FnMut() -> Outcome<Option<T>>,
) -> Outcome<T> {
    let deadline = Instant::now() + within;
    loop {
        if let Some(seen) = look()? {
            return Ok(seen);
        }
        if Instant::now() >= deadline {
            return Err(Failure::new(format!("waited {} s in vain: {what}", within.as_secs())));
        }
        rest(every);
    }
}
