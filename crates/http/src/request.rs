//! A request as the handlers see it: its parts, and the principal that sent it.

mod body;
mod body_headers;
mod byte_source;
mod conditional;
mod content_disposition;
mod cookies;
mod cursor;
mod digest;
mod encoding;
mod field_readers;
mod incoming;
mod json;
mod negotiation;
mod pagination;
mod percent;
mod principal;
mod query;
mod range;
mod route;
mod same_origin;
mod sent_back;

use std::{
    any::Any,
    borrow::Cow,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use auth::OpaqueToken;
use axum::http::{Method, header, request::Parts};
use bytes::Bytes;
use kernel::{Attribution, HasIdPrefix, Id, Origin, RequestId, is_allowed_in_line};
use serde_json::{Map, Value};

use crate::{
    memory::ResponseMemory,
    response::{Issue, Problem},
};

pub(crate) use body::read as read_body;
pub use body::{BodyReader, ItemDecoder};
pub use body_headers::body_digests;
pub use byte_source::ByteSource;
pub use content_disposition::attachment_disposition;
pub use cookies::DEVICE_COOKIE;
pub(crate) use cookies::cookie_value;
pub use cursor::CursorSigner;
pub(crate) use cursor::{Binding, sign_cursor, verify_cursor};
pub use digest::{Sha256Hash, sha256_digest};
pub use encoding::body_text;
pub(crate) use encoding::json_media_types;
pub use field_readers::{
    EnumReader, EnumSetReader, FieldReader, IdReader, ItemsReader, SecondsReader, TextReader, TimestampReader,
    enum_reader, id, id_schema, read_string, text, text_schema, timestamp_schema,
};
pub use incoming::StreamedBody;
pub(crate) use incoming::{BodyRule, RequestBody};
pub use json::read as parse_json;
pub use negotiation::MediaType;
pub(crate) use negotiation::{accept_identity, negotiate};
pub use pagination::{DueDates, ListParameters, list_parameters};
pub use principal::{AuditIdentity, CachedAccount, Principal, SignedInUser};
pub use query::{Parameter, Query};
pub use range::ByteRange;
pub use route::{Access, Charge, Route};
pub use sent_back::SentBack;

/// A request that has passed the checks of the pipeline.
pub struct ApiRequest {
    /// The route that it matched.
    pub route: Route,
    pub(crate) state: Arc<dyn Any + Send + Sync>,
    /// The negotiated media type of the response.
    pub media_type: MediaType,
    /// The identifier of the request, which its response and its audit entry have.
    pub request_id: Id<RequestId>,
    /// The head: method, URL and headers.
    pub parts: Parts,
    /// The values of the path parameters, in their order in the path.
    pub(crate) path: Vec<String>,
    /// The body; empty if the endpoint receives it as a stream.
    pub body: Bytes,
    /// The body that the handler has not begun to receive, if the endpoint receives it as a stream.
    pub(crate) streamed: Mutex<Option<Box<StreamedBody>>>,
    /// The address of the client.
    pub address: Option<IpAddr>,
    /// The authenticated principal; `None` only at endpoints that do not require authentication.
    pub(crate) principal: Option<Principal>,
    /// The memory that is reserved for the response.
    pub(crate) memory: ResponseMemory,
}

impl ApiRequest {
    /// Returns the state of the surface that the request was sent to.
    ///
    /// # Errors
    /// An internal error if the surface has a state of another type.
    pub fn state<T: Any + Send + Sync>(&self) -> Result<Arc<T>, Problem> {
        Arc::clone(&self.state).downcast().map_err(|_| {
            tracing::error!(route = self.route.path, "the surface of this route has a state of another type");
            Problem::internal()
        })
    }

    /// Returns the principal.
    ///
    /// # Errors
    /// An internal error if the endpoint does not require authentication.
    pub fn principal(&self) -> Result<&Principal, Problem> {
        self.principal.as_ref().ok_or_else(Problem::internal)
    }

    /// The origin of the request, for the audit log.
    #[must_use]
    pub fn origin(&self) -> Origin {
        origin(self.route.path, &self.parts, self.request_id, self.address)
    }

    /// The actor and the request of a change by this principal.
    #[must_use]
    pub fn attribution(&self, principal: &Principal) -> Attribution {
        Attribution {
            actor: principal.actor().clone(),
            origin: self.origin(),
            actor_revision: Some(principal.actor_revision()),
        }
    }

    /// Ensures that there is memory to decide on this request, with records of this size that were loaded for it.
    ///
    /// # Errors
    /// A 429 response if the caller's share is used up, and a 503 response if the whole memory is.
    pub fn ensure_memory_of(&self, loaded_bytes: usize) -> Result<(), Problem> {
        self.memory.ensure_for(self.body.len(), loaded_bytes)
    }

    /// Returns the first path parameter as it was sent.
    #[must_use]
    pub fn path_text(&self) -> &str {
        self.path.first().map_or("", String::as_str)
    }

    /// Returns the path parameter at this index, from 0, as it was sent.
    #[must_use]
    pub fn path_text_at(&self, index: usize) -> &str {
        self.path.get(index).map_or("", String::as_str)
    }

    /// Returns the first path parameter as an identifier. A malformed identifier is answered with 404.
    ///
    /// # Errors
    /// A 404 response.
    pub fn path_id<R: HasIdPrefix>(&self) -> Result<Id<R>, Problem> {
        self.path_id_at(0)
    }

    /// Returns the path parameter at this index, from 0, as an identifier. A malformed identifier is answered with 404.
    ///
    /// # Errors
    /// A 404 response.
    pub fn path_id_at<R: HasIdPrefix>(&self, index: usize) -> Result<Id<R>, Problem> {
        let text = self.path.get(index).ok_or_else(Problem::not_found)?;
        text.parse().map_err(|_| Problem::not_found())
    }

    /// Returns the value of a cookie.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        cookie_value(self.parts.headers.get_all(header::COOKIE).iter(), name)
    }

    /// Returns the token of the session that the cookie with this name stands for: none if there are several with different
    /// values.
    #[must_use]
    pub fn session_token(&self, cookie: &str) -> Option<OpaqueToken> {
        cookies::session_token(&self.parts.headers, cookie)
    }

    /// The host that the request was sent to, with its port if it is not the usual one. Clients state it as they like.
    #[must_use]
    pub fn host(&self) -> &str {
        let authority = self.parts.uri.authority().map(|authority| authority.as_str());
        let header = self.parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        authority.or(header).unwrap_or_default()
    }

    /// Checks that a page of this server had the browser send the request.
    ///
    /// # Errors
    /// A 403 response if it was another site.
    pub fn check_same_origin(&self, public_url: &str) -> Result<(), Problem> {
        same_origin::check(&self.parts, public_url)
    }

    /// The query of the URL, without the question mark.
    #[must_use]
    pub fn query(&self) -> &str {
        self.parts.uri.query().unwrap_or_default()
    }

    /// Parses the body as JSON, and ensures that there is memory for its values.
    ///
    /// # Errors
    /// A 400 response if it is not JSON or its values take too much memory; a 415 response if it has another media type
    /// or charset, or is compressed; a 429 response if the caller's share of memory is used up, and a 503 response if the
    /// whole memory is.
    pub fn json(&self) -> Result<Value, Problem> {
        self.body_media_type(json_media_types(&self.parts.method))?;
        if self.body.is_empty() {
            return Err(Problem::validation(vec![Issue::new([], "the body is empty: send a JSON object")]));
        }
        let parsed = json::read_measured(&self.body);
        let (value, bytes) = parsed.map_err(|message| Problem::validation(vec![Issue::new([], message)]))?;
        self.memory.ensure(bytes)?;
        Ok(value)
    }

    /// Returns the body of at most `max` bytes as a stream. It can be taken once.
    ///
    /// # Errors
    /// A 413 response if the request announces a larger body, a 415 response if the body is compressed, and an internal
    /// error if the endpoint does not receive its body as a stream.
    pub fn streamed_body(&self, max: u64) -> Result<StreamedBody, Problem> {
        self.check_content_encoding()?;
        let body = self.streamed.lock().unwrap_or_else(PoisonError::into_inner).take();
        body.ok_or_else(Problem::internal)?.with_limit(max)
    }

    /// Returns which of these media types the body has: the first, if the request does not say. Its text is read with
    /// [`parse_json`] or [`body_text`].
    ///
    /// # Errors
    /// A 415 response if it has none of them or a charset other than UTF-8, or is compressed.
    pub fn body_media_type(&self, accepted: &[&'static str]) -> Result<&'static str, Problem> {
        self.check_content_encoding()?;
        encoding::media_type(&self.parts.headers, accepted)
    }

    /// Whether the body has no content: it is empty, or an empty JSON object.
    pub(crate) fn has_no_content(&self) -> bool {
        self.body.is_empty() || parse_json(&self.body).is_ok_and(|body| body.as_object().is_some_and(Map::is_empty))
    }

    /// Rejects a compressed body, which would otherwise be reported as invalid JSON.
    ///
    /// # Errors
    /// A 415 response.
    fn check_content_encoding(&self) -> Result<(), Problem> {
        let is_plain = |coding: &[u8]| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity");
        let mut codings = self.parts.headers.get_all(header::CONTENT_ENCODING).iter();
        if codings.all(|coding| is_plain(coding.as_bytes().trim_ascii())) {
            Ok(())
        } else {
            Err(Problem::compressed_body())
        }
    }
}

/// Returns the origin of a request for the audit log.
pub(crate) fn origin(route: &'static str, parts: &Parts, request_id: Id<RequestId>, address: Option<IpAddr>) -> Origin {
    let user_agent = parts.headers.get(header::USER_AGENT);
    Origin {
        request_id,
        method: Some(method_name(&parts.method)),
        route: Some(Cow::Borrowed(route)),
        source_address: address.map(|address| address.to_string()),
        user_agent: user_agent.map(|value| printable(value.as_bytes(), 300)),
    }
}

fn method_name(method: &Method) -> Cow<'static, str> {
    for name in ["GET", "POST", "PATCH", "DELETE", "HEAD", "PUT", "OPTIONS"] {
        if method.as_str() == name {
            return Cow::Borrowed(name);
        }
    }
    Cow::Owned(printable(method.as_str().as_bytes(), 30))
}

/// Returns untrusted input in a form that is safe to log: at most `max_chars` characters, of those that a line may
/// contain.
#[must_use]
pub fn printable(bytes: &[u8], max_chars: usize) -> String {
    if bytes.len() <= max_chars
        && bytes.iter().all(|byte| matches!(byte, b' '..=b'~'))
        && let Ok(text) = str::from_utf8(bytes)
    {
        return text.to_owned();
    }
    String::from_utf8_lossy(bytes).chars().filter(|character| is_allowed_in_line(*character)).take(max_chars).collect()
}
