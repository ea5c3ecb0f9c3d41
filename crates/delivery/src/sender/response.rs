//! The response of an endpoint, as far as it is evaluated.

use std::time::{Duration, UNIX_EPOCH};

use kernel::Timestamp;
use reqwest::{
    Response,
    header::{HeaderMap, RETRY_AFTER},
};
use tokio::time::{Instant, timeout_at};
use webhooks::{AttemptFailure, AttemptOutcome, MAX_RETRY_AFTER, MAX_STORED_RESPONSE};

use super::failure;

/// Maximum number of bytes that are read of a response body. A longer body does not make the attempt fail, because the
/// endpoint has accepted the message.
const MAX_BODY_READ: usize = 64 * 1024;

/// A response, or the reason why there is none.
#[derive(Debug, Default)]
pub(super) struct EndpointResponse {
    status: Option<u16>,
    failure: Option<AttemptFailure>,
    body_start: Vec<u8>,
    retry_after: Option<Duration>,
}

impl EndpointResponse {
    /// Creates the result of a failed attempt without a response.
    pub(super) fn from_failure(failure: AttemptFailure) -> Self {
        Self { failure: Some(failure), ..Self::default() }
    }

    /// Reads the response until `deadline`.
    pub(super) async fn read(mut response: Response, deadline: Instant, now: Timestamp) -> Self {
        let status = response.status();
        let mut result = Self { status: Some(status.as_u16()), ..Self::default() };
        if matches!(status.as_u16(), 429 | 503) {
            result.retry_after = retry_after(response.headers(), now);
        }
        let body_failure = match timeout_at(deadline, result.read_body(&mut response)).await {
            Err(_) => Some(AttemptFailure::TimedOut),
            Ok(Err(error)) => Some(failure::classify(&error)),
            Ok(Ok(())) => None,
        };
        result.failure = match status.as_u16() {
            200..300 => body_failure,
            300..400 => Some(AttemptFailure::Redirected),
            _ => Some(AttemptFailure::Refused),
        };
        result
    }

    async fn read_body(&mut self, response: &mut Response) -> Result<(), reqwest::Error> {
        let mut read = 0;
        while let Some(chunk) = response.chunk().await? {
            let remaining = MAX_STORED_RESPONSE.saturating_sub(self.body_start.len());
            self.body_start.extend_from_slice(&chunk[..chunk.len().min(remaining)]);
            read += chunk.len();
            if read >= MAX_BODY_READ {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Converts the response to the outcome that is stored.
    pub(super) fn into_outcome(self, duration: Duration) -> AttemptOutcome {
        let response_body = self.status.is_some().then(|| to_storable_text(&self.body_start));
        AttemptOutcome {
            duration,
            status: self.status,
            response_body,
            failure: self.failure,
            retry_after: self.retry_after,
        }
    }
}

/// Converts the bytes to text that every database can store, at most [`MAX_STORED_RESPONSE`] bytes.
fn to_storable_text(bytes: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(bytes).replace('\0', "\u{fffd}");
    text.truncate(text.floor_char_boundary(MAX_STORED_RESPONSE));
    text
}

/// Parses the `Retry-After` header: seconds, or an HTTP date. A longer delay counts as [`MAX_RETRY_AFTER`].
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that does not fit is a very long delay, not an absent one.
        return Some(text.parse().map_or(MAX_RETRY_AFTER, Duration::from_secs).min(MAX_RETRY_AFTER));
    }
    let date = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    let date = Timestamp::from_millis(i64::try_from(date.as_millis()).ok()?);
    Some(date.since(now).min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn parsed_seconds(text: &'static str) -> Option<u64> {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        retry_after(&headers, now).map(|delay| delay.as_secs())
    }

    #[test]
    fn retry_after_is_parsed_as_seconds_or_as_a_date() {
        assert_eq!(parsed_seconds("120"), Some(120));
        assert_eq!(parsed_seconds(" 0 "), Some(0));
        assert_eq!(parsed_seconds("Sun, 22 Nov 2026 10:30:00 GMT"), Some(1_800));
        assert_eq!(parsed_seconds("Sun, 22 Nov 2026 09:30:00 GMT"), Some(0), "a date that has passed");
        for text in [
            "86400",
            "86401",
            "18446744073709551615",
            "18446744073709551616",
            "99999999999999999999999",
            "Fri, 31 Dec 9999 23:59:59 GMT",
        ] {
            assert_eq!(parsed_seconds(text), Some(86_400), "{text}");
        }
        for text in ["", "soon", "-5", "+5", "1.5"] {
            assert_eq!(parsed_seconds(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_stored_body_is_text_of_at_most_one_kibibyte() {
        assert_eq!(to_storable_text(b"ok\0\xff"), "ok\u{fffd}\u{fffd}");
        let stored = to_storable_text(&[0xff; MAX_STORED_RESPONSE]);
        assert!(stored.len() <= MAX_STORED_RESPONSE && stored.chars().all(|character| character == '\u{fffd}'));
    }
}
