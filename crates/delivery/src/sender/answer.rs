//! What an endpoint answered, as far as it is looked at.

use std::time::{Duration, UNIX_EPOCH};

use kernel::Timestamp;
use reqwest::{
    Response,
    header::{HeaderMap, RETRY_AFTER},
};
use tokio::time::{Instant, timeout_at};
use webhooks::{ANSWER_KEPT, Failure, Outcome};

use super::failure;

/// How much of an answer is read, in bytes. What is longer counts as read: an endpoint that took the message has taken it.
const READ_AT_MOST: usize = 64 * 1024;

/// An answer, or why there is none.
#[derive(Debug, Default)]
pub(super) struct Answer {
    status: Option<u16>,
    failure: Option<Failure>,
    beginning: Vec<u8>,
    retry_after: Option<Duration>,
}

impl Answer {
    /// None, for this reason.
    pub(super) fn failed(failure: Failure) -> Self {
        Self { failure: Some(failure), ..Self::default() }
    }

    /// Reads what there is to read of it until then.
    pub(super) async fn read(mut response: Response, deadline: Instant, now: Timestamp) -> Self {
        let status = response.status();
        let mut answer = Self { status: Some(status.as_u16()), ..Self::default() };
        if matches!(status.as_u16(), 429 | 503) {
            answer.retry_after = retry_after(response.headers(), now);
        }
        let broken = match timeout_at(deadline, answer.take(&mut response)).await {
            Err(_) => Some(Failure::TimedOut),
            Ok(Err(error)) => Some(failure::of(&error)),
            Ok(Ok(())) => None,
        };
        answer.failure = match status.as_u16() {
            200..300 => broken,
            300..400 => Some(Failure::Redirected),
            _ => Some(Failure::Refused),
        };
        answer
    }

    async fn take(&mut self, response: &mut Response) -> Result<(), reqwest::Error> {
        let mut read = 0;
        while let Some(piece) = response.chunk().await? {
            let room = ANSWER_KEPT.saturating_sub(self.beginning.len());
            self.beginning.extend_from_slice(&piece[..piece.len().min(room)]);
            read += piece.len();
            if read >= READ_AT_MOST {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The same as it is kept.
    pub(super) fn outcome(self, took: Duration) -> Outcome {
        let answer = self.status.is_some().then(|| text(&self.beginning));
        Outcome { took, status: self.status, answer, failure: self.failure, retry_after: self.retry_after }
    }
}

/// The bytes as text that any database keeps, at most [`ANSWER_KEPT`] bytes of it.
fn text(bytes: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(bytes).replace('\0', "\u{fffd}");
    text.truncate(text.floor_char_boundary(ANSWER_KEPT));
    text
}

/// How long the endpoint asks to be left alone: seconds, or an HTTP date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let then = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    let then = Timestamp::from_millis(i64::try_from(then.as_millis()).ok()?);
    Some(then.since(now))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn asked(text: &'static str) -> Option<u64> {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        retry_after(&headers, now).map(|span| span.as_secs())
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
