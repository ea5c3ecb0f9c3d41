//! The response of an endpoint, as far as it is evaluated.

use std::time::{Duration, UNIX_EPOCH};

use kernel::Timestamp;
use reqwest::{
    Response,
    header::{HeaderMap, RETRY_AFTER},
};
use tokio::time::{Instant, timeout_at};
use webhooks::{ANSWER_KEPT, Failure, Outcome};

use super::failure;

/// Maximum number of bytes that are read of a response body. A longer body does not make the attempt fail, because the
/// endpoint has accepted the message.
const READ_AT_MOST: usize = 64 * 1024;

/// A response, or the reason why there is none.
#[derive(Debug, Default)]
pub(super) struct Answer {
    status: Option<u16>,
    failure: Option<Failure>,
    beginning: Vec<u8>,
    retry_after: Option<Duration>,
}

impl Answer {
    /// Creates the result of a failed attempt without a response.
    pub(super) fn failed(failure: Failure) -> Self {
        Self { failure: Some(failure), ..Self::default() }
    }

    /// Reads the response until `deadline`.
    pub(super) async fn read(mut response: Response, deadline: Instant, now: Timestamp) -> Self {
        let status = response.status();
        let mut answer = Self { status: Some(status.as_u16()), ..Self::default() };
        if matches!(status.as_u16(), 429 | 503) {
            answer.retry_after = retry_after(response.headers(), now);
        }
        let body_failure = match timeout_at(deadline, answer.take(&mut response)).await {
            Err(_) => Some(Failure::TimedOut),
            Ok(Err(error)) => Some(failure::of(&error)),
            Ok(Ok(())) => None,
        };
        answer.failure = match status.as_u16() {
            200..300 => body_failure,
            300..400 => Some(Failure::Redirected),
            _ => Some(Failure::Refused),
        };
        answer
    }

    async fn take(&mut self, response: &mut Response) -> Result<(), reqwest::Error> {
        let mut read = 0;
        while let Some(chunk) = response.chunk().await? {
            let remaining = ANSWER_KEPT.saturating_sub(self.beginning.len());
            self.beginning.extend_from_slice(&chunk[..chunk.len().min(remaining)]);
            read += chunk.len();
            if read >= READ_AT_MOST {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Converts the response to the outcome that is stored.
    pub(super) fn outcome(self, took: Duration) -> Outcome {
        let answer = self.status.is_some().then(|| text(&self.beginning));
        Outcome { took, status: self.status, answer, failure: self.failure, retry_after: self.retry_after }
    }
}

/// Converts the bytes to text that every database can store, at most [`MAX_STORED_RESPONSE`] bytes.
fn text(bytes: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(bytes).replace('\0', "\u{fffd}");
    text.truncate(text.floor_char_boundary(ANSWER_KEPT));
    text
}

/// Parses the `Retry-After` header: seconds, or an HTTP date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    let date = Timestamp::from_millis(i64::try_from(date.as_millis()).ok()?);
    Some(date.since(now))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn asked(text: &'static str) -> Option<u64> {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        retry_after(&headers, now).map(|delay| delay.as_secs())
    }

    #[test]
    fn an_endpoint_asks_to_be_left_alone_in_seconds_or_until_a_date() {
        assert_eq!(asked("120"), Some(120));
        assert_eq!(asked(" 0 "), Some(0));
        assert_eq!(asked("Sun, 22 Nov 2026 10:30:00 GMT"), Some(1_800));
        assert_eq!(asked("Sun, 22 Nov 2026 09:30:00 GMT"), Some(0), "a date that has passed");
        for text in ["", "soon", "-5", "1.5", "99999999999999999999999"] {
            assert_eq!(asked(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_is_kept_is_text_of_at_most_a_kibibyte() {
        assert_eq!(text(b"ok\0\xff"), "ok\u{fffd}\u{fffd}");
        let kept = text(&[0xff; ANSWER_KEPT]);
        assert!(kept.len() <= ANSWER_KEPT && kept.chars().all(|character| character == '\u{fffd}'));
    }
}
