//! The response of an endpoint, before it becomes an HTTP response.

mod issue;
mod json;
mod problem;
mod replay_compression;
mod replay_encryption;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header},
};
use bytes::Bytes;
use kernel::{Revision, StoredResponse, Subject};
use serde::Serialize;

pub use issue::{Issue, shorten};
pub use json::{AsText, write_string as write_json_string};
pub(crate) use problem::MAX_ISSUES;
pub use problem::Problem;
pub use replay_encryption::ResponseCipher;
pub(crate) use replay_encryption::{from_stored, to_stored};

/// The response of an endpoint, with the data that the audit log needs.
#[derive(Debug)]
pub struct ApiResponse {
    /// The HTTP status.
    pub status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
    /// The streamed body that is sent instead of `body`.
    pub(crate) stream: Option<Body>,
    /// The subject of the request, for the audit log.
    pub(crate) subject: Option<Subject>,
    /// The action of the audit entry, if it is not that of the endpoint.
    pub(crate) action: Option<&'static str>,
    /// Whether the audit entry is already stored, because it was committed with a changeset.
    pub is_recorded: bool,
    /// Whether this is the replay of a stored response.
    pub(crate) replayed: bool,
    /// Whether the body holds a secret.
    pub(crate) confidential: bool,
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The caching rule of bytes that must reach the client as they are: neither the server nor a proxy compresses them.
pub(crate) const NO_TRANSFORM: HeaderValue = HeaderValue::from_static("private, no-cache, no-transform");

impl ApiResponse {
    /// Creates a response with a JSON body.
    #[must_use]
    pub fn json(status: StatusCode, body: Bytes) -> Self {
        Self {
            status,
            headers: vec![(header::CONTENT_TYPE, JSON)],
            body,
            stream: None,
            subject: None,
            action: None,
            is_recorded: false,
            replayed: false,
            confidential: false,
        }
    }

    /// Creates a response with the body `{"<name>": <record>}`.
    pub fn record(status: StatusCode, name: &str, record: &impl Serialize) -> Self {
        let mut body = Vec::with_capacity(1024);
        body.extend_from_slice(b"{\"");
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(b"\":");
        write_json(&mut body, record);
        body.push(b'}');
        Self::json(status, body.into())
    }

    /// Creates a response with a body of this media type.
    #[must_use]
    pub fn document(status: StatusCode, media_type: &'static str, body: Bytes) -> Self {
        Self { headers: vec![(header::CONTENT_TYPE, HeaderValue::from_static(media_type))], ..Self::json(status, body) }
    }

    /// Marks a response whose audit entry is already stored, because it was committed with a changeset.
    #[must_use]
    pub fn recorded(self) -> Self {
        Self { is_recorded: true, ..self }
    }

    /// Creates a response without a body.
    #[must_use]
    pub fn empty(status: StatusCode) -> Self {
        Self { headers: Vec::new(), ..Self::json(status, Bytes::new()) }
    }

    /// Adds a header. A value that no header may have is left out.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl AsRef<str>) -> Self {
        if let Ok(value) = HeaderValue::from_str(value.as_ref()) {
            self.headers.push((name, value));
        }
        self
    }

    /// Sets the subject of the request, for the audit log.
    #[must_use]
    pub fn with_subject(mut self, subject: Subject) -> Self {
        self.subject = Some(subject);
        self
    }

    /// Sets the action of the audit entry, for a response that is not what the endpoint usually does.
    #[must_use]
    pub fn with_action(self, action: &'static str) -> Self {
        Self { action: Some(action), ..self }
    }

    /// Marks a body that holds a secret: it must not be cached, and it is stored for replay only in encrypted form.
    #[must_use]
    pub fn confidential(self) -> Self {
        Self { confidential: true, ..self }.header(header::CACHE_CONTROL, "no-store")
    }

    /// Whether this is the response to an earlier request with the same idempotency key.
    #[must_use]
    pub fn is_replay(&self) -> bool {
        self.replayed
    }

    /// Adds the entity tag of a record's revision.
    #[must_use]
    pub fn with_etag(self, revision: Revision) -> Self {
        self.header(header::ETAG, etag(revision))
    }

    /// Returns the response as it is stored for replay.
    pub(crate) fn to_stored(&self) -> StoredResponse {
        let headers = self
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
            .collect();
        StoredResponse { status: self.status.as_u16(), headers, body: self.body.clone() }
    }

    /// Returns the replay of a stored response.
    pub(crate) fn from_stored(stored: StoredResponse) -> Self {
        let headers = stored
            .headers
            .into_iter()
            .filter_map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?)))
            .chain([(REPLAYED, HeaderValue::from_static("true"))])
            .collect();
        Self {
            status: StatusCode::from_u16(stored.status).unwrap_or(StatusCode::OK),
            headers,
            body: stored.body,
            stream: None,
            subject: None,
            action: None,
            is_recorded: false,
            replayed: true,
            confidential: false,
        }
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(self.stream.unwrap_or_else(|| Body::from(self.body)));
        *response.status_mut() = self.status;
        let headers: &mut HeaderMap = response.headers_mut();
        // A response may set several cookies.
        self.headers.into_iter().for_each(|(name, value)| {
            headers.append(name, value);
        });
        response
    }
}

/// The header with the time up to which a list is complete.
pub(crate) const AS_OF: HeaderName = HeaderName::from_static("x-as-of");

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Returns the entity tag of a record's revision.
pub(crate) fn etag(revision: Revision) -> String {
    format!("\"r{}\"", revision.0)
}

/// Appends a value as JSON. Response bodies have no maps with keys that are not strings, so this can't fail.
pub fn write_json(out: &mut Vec<u8>, value: &impl Serialize) {
    if let Err(error) = json::write(out, value) {
        tracing::error!(%error, "a response body could not be serialized");
        out.extend_from_slice(b"null");
    }
}
