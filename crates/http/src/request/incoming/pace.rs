//! The pace at which a body arrives.

use std::time::Duration;

use axum::{body::Body, http::HeaderMap};
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

use crate::response::{Issue, Problem};

/// The interval in which [`MIN_BYTES_PER_INTERVAL`] must arrive.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);

/// The minimum number of bytes that arrive in each [`PROGRESS_INTERVAL`], which is 1 KiB a second.
const MIN_BYTES_PER_INTERVAL: usize = 10 * 1024;

/// The pace at which a body arrives.
pub(super) struct Pace {
    /// The maximum time in which the body must arrive.
    timeout: Duration,
    deadline: Instant,
    interval_end: Instant,
    interval_bytes: usize,
}

impl Pace {
    /// Starts to measure a body, which must arrive within this time.
    pub(super) fn start(timeout: Duration) -> Self {
        let now = Instant::now();
        let (deadline, interval_end) = (now + timeout, now + PROGRESS_INTERVAL);
        Self { timeout, deadline, interval_end, interval_bytes: 0 }
    }

    /// Returns the next data of a body; `None` at its end. Trailers are added to `trailers`.
    pub(super) async fn next(&mut self, body: &mut Body, trailers: &mut HeaderMap) -> Result<Option<Bytes>, Problem> {
        loop {
            let Ok(frame) = timeout_at(self.interval_end.min(self.deadline), body.frame()).await else {
                self.check()?;
                continue;
            };
            let Some(frame) =
                frame.transpose().map_err(|_| incomplete_body("the connection ended before the body was complete"))?
            else {
                return Ok(None);
            };
            match frame.into_data() {
                Ok(data) => {
                    self.interval_bytes += data.len();
                    return Ok(Some(data));
                }
                Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
            }
        }
    }

    /// Begins the next interval if enough has arrived in the last one.
    fn check(&mut self) -> Result<(), Problem> {
        let now = Instant::now();
        if now >= self.deadline {
            return Err(incomplete_body(&format!("the body did not arrive within {} s", self.timeout.as_secs())));
        }
        if self.interval_bytes < MIN_BYTES_PER_INTERVAL {
            return Err(incomplete_body("less than 10 KiB of the body arrived within 10 s"));
        }
        (self.interval_end, self.interval_bytes) = (now + PROGRESS_INTERVAL, 0);
        Ok(())
    }
}

fn incomplete_body(cause: &str) -> Problem {
    Problem::validation(vec![Issue::new([], format!("{cause}: send the request again"))])
}
