//! The errors of requests, and the envelope that they are sent in (contract v1 § 3).

mod people;
mod size;

use std::{borrow::Cow, time::Duration};

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use bytes::Bytes;
use kernel::StoreError;
use scopes::Scope;
use serde_json::{Map, Value, json};

use super::{
    ApiResponse,
    issue::{Issue, shorten_message},
};
use crate::fair_budget::Exhausted;

/// An error response. Its message is sent to the client; internal details are only logged.
#[derive(Debug)]
pub struct Problem {
    /// The HTTP status of the response.
    pub status: StatusCode,
    error: &'static str,
    message: Cow<'static, str>,
    issues: Vec<Issue>,
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
    exhausted: Option<Exhausted>,
}

/// The `Retry-After` of a request that found no memory, in seconds. It is a guess, because memory is returned at the pace
/// of clients.
const MEMORY_RETRY_AFTER: &str = "2";
/// The maximum number of validation errors that a response lists, so that it can't be many times larger than the
/// request.
pub(crate) const MAX_ISSUES: usize = 100;

/// The `Retry-After` of a rejected stream, in seconds. It is a guess, because the duration of a stream is unknown.
const STREAM_RETRY_AFTER: &str = "5";

impl Problem {
    fn new(status: StatusCode, error: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        let message = shorten_message(message.into());
        let (issues, members, headers) = (Vec::new(), Map::new(), Vec::new());
        Self { status, error, message, issues, members, headers, exhausted: None }
    }

    /// Creates a 400 response for an invalid request.
    #[must_use]
    pub fn validation(issues: Vec<Issue>) -> Self {
        Self::validation_listing(issues, MAX_ISSUES)
    }

    /// Creates a 400 response that lists at most `max` of the errors, and says how many it leaves out.
    pub(crate) fn validation_listing(mut issues: Vec<Issue>, max: usize) -> Self {
        let message = match issues.as_slice() {
            [] => Cow::Borrowed("the request is invalid"),
            [one] if max > 0 && one.path.is_empty() => one.message.clone(),
            [one] if max > 0 => Cow::Owned(format!("{}: {}", one.path.join("."), one.message)),
            many if max > 0 => Cow::Owned(format!("the request has {} errors; see issues", many.len())),
            many => Cow::Owned(format!("{} errors, not listed: the response lists {MAX_ISSUES} others", many.len())),
        };
        if let Some(more) = issues.len().checked_sub(max).filter(|more| *more > 0) {
            issues.truncate(max);
            if max > 0 {
                issues.push(Issue::new([], format!("{more} more errors are not listed")));
            }
        }
        Self { issues, ..Self::new(StatusCode::BAD_REQUEST, "validation", message) }
    }

    pub(crate) fn invalid_cursor() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "invalid_cursor",
            "the cursor was not issued by this list for these filters, or it has expired: start again without it",
        )
    }

    /// Creates a 401 response. `detail` is the `error` of RFC 6750, or `None` if no credentials were sent at all.
    pub(crate) fn unauthenticated(message: &'static str, detail: Option<&'static str>) -> Self {
        let challenge = match detail {
            None => r#"Bearer realm="novantra""#.to_owned(),
            Some(error) => format!(r#"Bearer realm="novantra", error="{error}", error_description="{message}""#),
        };
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", message).header(header::WWW_AUTHENTICATE, &challenge)
    }

    /// Creates a 403 response for a caller without this scope.
    #[must_use]
    pub fn forbidden(scope: Scope) -> Self {
        let challenge = format!(r#"Bearer realm="novantra", error="insufficient_scope", scope="{scope}""#);
        Self::new(StatusCode::FORBIDDEN, "forbidden", format!("this request requires the scope {scope}"))
            .header(header::WWW_AUTHENTICATE, &challenge)
    }

    /// The code of the error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.error
    }

    /// The message for the caller.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Creates a 404 response for a record that does not exist, or belongs to others.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "the record does not exist")
    }

    /// Creates a 404 response that says why there is nothing at the address.
    pub fn not_found_because(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub(crate) fn no_such_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "the endpoint does not exist")
    }

    /// Creates a 404 response for a path that would be that of an endpoint without its trailing slash.
    pub(crate) fn trailing_slash(path: &str) -> Self {
        let message = format!("the endpoint does not exist; its path is {path}, without a slash at the end");
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub(crate) fn method_not_allowed(allow: &str) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            format!("this endpoint does not support the method; it supports {allow}"),
        )
        .header(header::ALLOW, allow)
    }

    pub(crate) fn not_acceptable(offered: &[&str]) -> Self {
        let message = format!("this endpoint can only respond with {}", offered.join(" or "));
        Self::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", message)
    }

    /// Creates a 409 response.
    pub fn conflict(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", message)
    }

    pub(crate) fn precondition_failed() -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "precondition_failed",
            "the record has changed since it was read: read it again",
        )
    }

    pub(crate) fn uri_too_long(limit: usize) -> Self {
        Self::new(
            StatusCode::URI_TOO_LONG,
            "uri_too_long",
            format!("the path and query may be at most {limit} bytes together"),
        )
    }

    pub(crate) fn header_fields_too_large(fields: usize, bytes: usize) -> Self {
        Self::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "header_fields_too_large",
            format!("there may be at most {fields} header fields, of at most {bytes} bytes together"),
        )
    }

    /// Creates a 416 response for a range of bytes of which the content has none.
    #[must_use]
    pub fn range_not_satisfiable(length: u64) -> Self {
        Self::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            "range_not_satisfiable",
            format!("the range has no byte of the content, which has {length} bytes"),
        )
        .header(header::CONTENT_RANGE, &format!("bytes */{length}"))
    }

    /// Creates a 415 response for a body of another media type than `wanted`.
    pub(crate) fn unsupported_media_type(wanted: &str) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            format!("the body's Content-Type must be {wanted}"),
        )
    }

    pub(crate) fn unsupported_charset(name: &str) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            format!("the charset of the body must be UTF-8, not {name:?}: send it in UTF-8"),
        )
    }

    pub(crate) fn compressed_body() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "the body must not be compressed: send it without Content-Encoding",
        )
    }

    /// Creates a 422 response for a valid request that the state of the record does not allow.
    pub fn unprocessable(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unprocessable", message)
    }

    pub(crate) fn rate_limited(retry_after: u64) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limited",
            format!("the rate limit is exceeded: try again in {retry_after} s"),
        )
        .header(header::RETRY_AFTER, &retry_after.to_string())
    }

    /// Creates a 429 response for an account that keeps too many responses for its idempotency keys.
    pub(crate) fn too_many_kept_responses(max: u64, retry_after: Duration) -> Self {
        let message = format!(
            "the responses that are kept for the idempotency keys of this account take up {} MiB, which is the limit: \
             try again when older ones have expired, or send smaller batches",
            max / (1024 * 1024)
        );
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message)
            .header(header::RETRY_AFTER, &retry_after.as_secs().to_string())
    }

    /// Creates a 429 response for an account or organization that has the maximum number of streams open.
    pub(crate) fn too_many_streams(holder: &str, max: usize, alternative: &str) -> Self {
        let message = format!(
            "the {holder} already has {max} streams open, which is its limit: close one, {alternative}, or try again later"
        );
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message)
            .header(header::RETRY_AFTER, STREAM_RETRY_AFTER)
    }

    /// Creates a 503 response for a server that has the maximum number of streams open.
    pub(crate) fn stream_limit_reached(max: usize, alternative: &str) -> Self {
        let message =
            format!("the server already has {max} streams open, which is its limit: try again later, or {alternative}");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "internal", message).header(header::RETRY_AFTER, STREAM_RETRY_AFTER)
    }

    /// Creates the response for a request that found no memory for `what`: 429 if the caller has used up its share, and
    /// 503 if all callers together have used up the whole.
    pub(crate) fn memory_exhausted(exhausted: Exhausted, what: &str) -> Self {
        let problem = match exhausted {
            Exhausted::Share => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limited",
                format!(
                    "the caller's share of the memory for {what} is used up: finish requests that are in progress, then try again"
                ),
            ),
            Exhausted::Budget => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "internal",
                format!("the server's memory for {what} is used up: try again later"),
            ),
        };
        Self { exhausted: Some(exhausted), ..problem.header(header::RETRY_AFTER, MEMORY_RETRY_AFTER) }
    }

    /// The memory that was used up, if the request was refused for that.
    pub(crate) fn exhausted(&self) -> Option<Exhausted> {
        self.exhausted
    }

    /// Creates a 500 response. The cause must be logged.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "an internal error occurred; the request id identifies it in the server's log",
        )
    }

    /// Creates a 500 response that says what is wrong with what the request is about. The cause must be logged.
    pub fn damaged(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }

    /// Creates a 503 response. The cause must be logged.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::unavailable_because("the service is temporarily unavailable: try again")
    }

    /// Creates a 503 response that says what is not available. The cause must be logged.
    pub fn unavailable_because(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "internal", message).header(header::RETRY_AFTER, "2")
    }

    /// Creates a 503 response for work that others of the same kind keep waiting, and that can be tried again then.
    pub fn busy(message: impl Into<Cow<'static, str>>, retry_after: Duration) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "internal", message)
            .header(header::RETRY_AFTER, &retry_after.as_secs().to_string())
    }

    /// Creates an error of a token endpoint (RFC 6749 § 5.2), which OAuth clients and those of the API can both read.
    pub fn oauth(status: StatusCode, error: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(status, error, description).with_oauth_description()
    }

    /// Adds the message in `error_description`, where OAuth clients look for it.
    #[must_use]
    pub fn with_oauth_description(self) -> Self {
        let description = json!(self.message);
        self.member("error_description", description)
    }

    /// Adds a header. A value that no header may have is left out.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// Adds a member to the envelope.
    #[must_use]
    pub fn member(mut self, name: &str, value: Value) -> Self {
        self.members.insert(name.to_owned(), value);
        self
    }

    /// Returns the error of one item of a batch: the envelope without the request id.
    #[must_use]
    pub fn into_item(self) -> Value {
        self.envelope()
    }

    /// The members of the error envelope, without the request id.
    fn envelope(&self) -> Value {
        let mut body = Map::new();
        body.insert("error".to_owned(), json!(self.error));
        body.insert("message".to_owned(), json!(self.message));
        if !self.issues.is_empty() {
            body.insert("issues".to_owned(), json!(self.issues));
        }
        body.extend(self.members.clone());
        Value::Object(body)
    }

    /// Returns the response with this error.
    #[must_use]
    pub fn into_response(self, request_id: &str) -> ApiResponse {
        let mut body = self.envelope();
        body["requestId"] = json!(request_id);
        let mut response = ApiResponse::json(self.status, Bytes::from(body.to_string()));
        response.headers.push((header::CACHE_CONTROL, HeaderValue::from_static("no-store")));
        response.headers.extend(self.headers);
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(source) => {
                tracing::warn!(error = %source, "the store is not available");
                Self::unavailable()
            }
            StoreError::Corrupt(source) => {
                tracing::error!(error = %source, "the store contains invalid data or has rejected a statement");
                Self::internal()
            }
        }
    }
}
