//! Everything that can be wrong with a call, and the one envelope it is answered in (contract v1 § 3).

use std::borrow::Cow;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use bytes::Bytes;
use findings::Refusal;
use kernel::{Invalid, StoreError};
use scopes::Scope;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{accept::Format, reply::Reply};

/// A call that is not done, and why. What is said here goes out; what is known beyond it is logged.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    error: &'static str,
    message: Cow<'static, str>,
    issues: Vec<Issue>,
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// After how many seconds a place for a stream may be free; how long streams take, nobody knows.
const STREAM_RETRY: &str = "5";

/// One fault of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Issue {
    /// Where it is: members of the body, or `query` or `header` and a name.
    pub(crate) path: Vec<String>,
    /// What it is.
    pub(crate) message: Cow<'static, str>,
}

impl Issue {
    pub(crate) fn new<const N: usize>(path: [&str; N], message: impl Into<Cow<'static, str>>) -> Self {
        Self { path: path.map(str::to_owned).into(), message: message.into() }
    }
}

impl Problem {
    fn new(status: StatusCode, error: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, error, message: message.into(), issues: Vec::new(), members: Map::new(), headers: Vec::new() }
    }

    pub(crate) fn validation(issues: Vec<Issue>) -> Self {
        let message = match issues.as_slice() {
            [] => Cow::Borrowed("the request is not valid"),
            [one] if one.path.is_empty() => one.message.clone(),
            [one] => Cow::Owned(format!("{}: {}", one.path.join("."), one.message)),
            many => Cow::Owned(format!("{} faults; see issues", many.len())),
        };
        Self { issues, ..Self::new(StatusCode::BAD_REQUEST, "validation", message) }
    }

    pub(crate) fn invalid_cursor() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "invalid_cursor",
            "the cursor is not one this list gave out for these filters, or it is too old: start again without it",
        )
    }

    /// `detail` is RFC 6750's `error` with its description; `None` where no credentials were sent at all.
    pub(crate) fn unauthenticated(message: &'static str, detail: Option<&'static str>) -> Self {
        let challenge = match detail {
            None => r#"Bearer realm="novantra""#.to_owned(),
            Some(error) => format!(r#"Bearer realm="novantra", error="{error}", error_description="{message}""#),
        };
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", message).header(header::WWW_AUTHENTICATE, &challenge)
    }

    pub(crate) fn forbidden(scope: Scope) -> Self {
        let challenge = format!(r#"Bearer realm="novantra", error="insufficient_scope", scope="{scope}""#);
        Self::new(StatusCode::FORBIDDEN, "forbidden", format!("this call needs the scope {scope}"))
            .header(header::WWW_AUTHENTICATE, &challenge)
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is no such record")
    }

    pub(crate) fn no_such_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is no such endpoint")
    }

    pub(crate) fn method_not_allowed(allow: &str) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", format!("this endpoint takes {allow}"))
            .header(header::ALLOW, allow)
    }

    pub(crate) fn not_acceptable(offered: &[Format]) -> Self {
        let offered: Vec<&str> = offered.iter().map(|format| format.media_type()).collect();
        let message = format!("this endpoint answers with {}", offered.join(" or "));
        Self::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", message)
    }

    pub(crate) fn conflict(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", message)
    }

    pub(crate) fn precondition_failed() -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "precondition_failed",
            "the record has changed since it was read: read it again",
        )
    }

    pub(crate) fn payload_too_large(limit: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", format!("the body may be at most {limit} bytes"))
    }

    pub(crate) fn uri_too_long(limit: usize) -> Self {
        Self::new(
            StatusCode::URI_TOO_LONG,
            "uri_too_long",
            format!("path and query may be at most {limit} bytes together"),
        )
    }

    pub(crate) fn header_fields_too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "header_fields_too_large",
            format!("header fields may be at most {limit} bytes together"),
        )
    }

    pub(crate) fn unsupported_media_type(wanted: &'static str) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            format!("the body's Content-Type must be {wanted}"),
        )
    }

    pub(crate) fn encoded_body() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "bodies are taken as they are: send it without Content-Encoding",
        )
    }

    pub(crate) fn unprocessable(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unprocessable", message)
    }

    pub(crate) fn rate_limited(retry_after: u64) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limited",
            format!("too many calls: try again in {retry_after} s"),
        )
        .header(header::RETRY_AFTER, &retry_after.to_string())
    }

    /// For an account that has as many streams open as it may.
    pub(crate) fn too_many_streams(most: usize) -> Self {
        let message = format!("an account may have {most} streams open at a time: end one, or try again later");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message).header(header::RETRY_AFTER, STREAM_RETRY)
    }

    /// For a server that has as many streams open as it may.
    pub(crate) fn no_place_for_stream(most: usize) -> Self {
        let message = format!("a server has at most {most} streams open at a time: try again later, or read in pages");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "internal", message).header(header::RETRY_AFTER, STREAM_RETRY)
    }

    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something went wrong here; the request id names it in the logs",
        )
    }

    pub(crate) fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "internal", "the service can't answer just now: try again")
            .header(header::RETRY_AFTER, "2")
    }

    /// An error of the token endpoint (RFC 6749 § 5.2), which OAuth clients and v1 clients can both read.
    pub(crate) fn oauth(status: StatusCode, error: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(status, error, description).described()
    }

    /// With what it says where OAuth clients look for it.
    pub(crate) fn described(self) -> Self {
        let description = json!(self.message);
        self.member("error_description", description)
    }

    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// Adds a member to the envelope.
    pub(crate) fn member(mut self, name: &str, value: Value) -> Self {
        self.members.insert(name.to_owned(), value);
        self
    }

    /// As one item of a batch has it: the envelope without what belongs to the call.
    pub(crate) fn into_item(self) -> Value {
        self.envelope()
    }

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

    pub(crate) fn into_reply(self, request_id: &str) -> Reply {
        let mut body = self.envelope();
        body["requestId"] = json!(request_id);
        let mut reply = Reply::json(self.status, Bytes::from(body.to_string()));
        reply.headers.push((header::CACHE_CONTROL, HeaderValue::from_static("no-store")));
        reply.headers.extend(self.headers);
        reply
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
                tracing::error!(error = %source, "the store holds or was given something invalid");
                Self::internal()
            }
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Invalid(faults) => Self::validation(faults.into_iter().map(Issue::from).collect()),
            refused => Self::unprocessable(refused.to_string()),
        }
    }
}

impl From<webhooks::Refusal> for Problem {
    fn from(refusal: webhooks::Refusal) -> Self {
        match refusal {
            webhooks::Refusal::Invalid(faults) => Self::validation(faults.into_iter().map(Issue::from).collect()),
            webhooks::Refusal::Scope(scope) => Self::forbidden(scope),
            refused => Self::unprocessable(refused.to_string()),
        }
    }
}

impl From<Invalid> for Issue {
    fn from(invalid: Invalid) -> Self {
        Self { path: vec![camel(invalid.field)], message: invalid.message }
    }
}

/// A domain field's name as the API spells it: `due_at` is `dueAt`.
fn camel(field: &str) -> String {
    let mut words = field.split('_');
    let mut name = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    name
}
