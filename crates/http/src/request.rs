//! An API request as the handlers see it: its parts, and the principal that sent it.

use std::{borrow::Cow, net::IpAddr, sync::Arc};

use auth::Caller;
use axum::http::{HeaderMap, Method, header, request::Parts};
use bytes::Bytes;
use kernel::{Attribution, HasIdPrefix, Id, OrganizationId, Origin, RequestId, Revision};
use serde_json::Value;

use crate::{
    account_cache::CachedAccount,
    json,
    negotiation::MediaType,
    operation::Operation,
    problem::{Issue, Problem},
    response::etag,
};

/// A request that has passed the checks of the pipeline.
pub(crate) struct ApiRequest {
    pub(crate) operation: &'static Operation,
    /// The negotiated media type of the response.
    pub(crate) media_type: MediaType,
    pub(crate) request_id: Id<RequestId>,
    pub(crate) parts: Parts,
    /// The values of the path parameters, in their order in the path.
    pub(crate) path: Vec<String>,
    pub(crate) body: Bytes,
    pub(crate) address: Option<IpAddr>,
    /// The authenticated principal; `None` only at endpoints that do not require authentication.
    pub(crate) principal: Option<Principal>,
}

/// An authenticated principal: the caller with its cached account.
#[derive(Clone)]
pub(crate) struct Principal {
    pub(crate) caller: Caller,
    pub(crate) cached: Arc<CachedAccount>,
}

impl Principal {
    pub(crate) fn organization(&self) -> OrganizationId {
        self.cached.organization.id
    }
}

impl ApiRequest {
    /// Returns the principal.
    ///
    /// # Errors
    /// An internal error if the endpoint does not require authentication.
    pub(crate) fn principal(&self) -> Result<&Principal, Problem> {
        self.principal.as_ref().ok_or_else(Problem::internal)
    }

    pub(crate) fn origin(&self) -> Origin {
        origin(self.operation, &self.parts, self.request_id, self.address)
    }

    pub(crate) fn attribution(&self, principal: &Principal) -> Attribution {
        Attribution {
            actor: principal.cached.actor.clone(),
            origin: self.origin(),
            actor_revision: Some(principal.caller.actor_revision()),
        }
    }

    /// Returns the first path parameter as an identifier. A malformed identifier is answered with 404.
    pub(crate) fn path_id<R: HasIdPrefix>(&self) -> Result<Id<R>, Problem> {
        self.path_id_at(0)
    }

    /// Returns the path parameter at this index, from 0, as an identifier. A malformed identifier is answered with 404.
    pub(crate) fn path_id_at<R: HasIdPrefix>(&self, index: usize) -> Result<Id<R>, Problem> {
        let text = self.path.get(index).ok_or_else(Problem::not_found)?;
        text.parse().map_err(|_| Problem::not_found())
    }

    pub(crate) fn query(&self) -> &str {
        self.parts.uri.query().unwrap_or_default()
    }

    /// Parses the body as JSON.
    pub(crate) fn json(&self) -> Result<Value, Problem> {
        self.check_content_encoding()?;
        let content_type = self.parts.headers.get(header::CONTENT_TYPE);
        if content_type.is_some_and(|value| !is_media_type(value.as_bytes(), b"application/json")) {
            return Err(Problem::unsupported_media_type("application/json"));
        }
        if self.body.is_empty() {
            return Err(Problem::validation(vec![Issue::new([], "the body is empty: send a JSON object")]));
        }
        json::read(&self.body).map_err(|message| Problem::validation(vec![Issue::new([], message)]))
    }

    /// Rejects a compressed body, which would otherwise be reported as invalid JSON.
    pub(crate) fn check_content_encoding(&self) -> Result<(), Problem> {
        let is_plain = |coding: &[u8]| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity");
        let mut codings = self.parts.headers.get_all(header::CONTENT_ENCODING).iter();
        if codings.all(|coding| is_plain(coding.as_bytes().trim_ascii())) {
            Ok(())
        } else {
            Err(Problem::compressed_body())
        }
    }

    /// Checks `If-Match` against the record's revision.
    pub(crate) fn check_if_match(&self, revision: Revision) -> Result<(), Problem> {
        match entity_tags(&self.parts.headers, &header::IF_MATCH) {
            // A malformed tag matches no revision, so a 412 would ask the client to read the record again in vain.
            Some(tags) if !tags.are_well_formed() => Err(Problem::validation(vec![Issue::new(
                ["header", "If-Match"],
                "must be an ETag as it was returned, with its quotes, or *",
            )])),
            Some(tags) if !tags.contains(revision) => Err(Problem::precondition_failed()),
            _ => Ok(()),
        }
    }

    /// Whether `If-None-Match` names this revision, so that the client has it already.
    pub(crate) fn client_has(&self, revision: Revision) -> bool {
        entity_tags(&self.parts.headers, &header::IF_NONE_MATCH).is_some_and(|tags| tags.contains(revision))
    }
}

/// Returns the origin of a request for the audit log.
pub(crate) fn origin(
    operation: &Operation,
    parts: &Parts,
    request_id: Id<RequestId>,
    address: Option<IpAddr>,
) -> Origin {
    let user_agent = parts.headers.get(header::USER_AGENT);
    Origin {
        request_id,
        method: Some(method_name(&parts.method)),
        route: Some(Cow::Borrowed(operation.path)),
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

/// Returns untrusted input in a form that is safe to log: at most `max_chars` characters, without control characters.
pub(crate) fn printable(bytes: &[u8], max_chars: usize) -> String {
    if bytes.len() <= max_chars
        && bytes.iter().all(|byte| matches!(byte, b' '..=b'~'))
        && let Ok(text) = str::from_utf8(bytes)
    {
        return text.to_owned();
    }
    String::from_utf8_lossy(bytes).chars().filter(|character| !character.is_control()).take(max_chars).collect()
}

/// Whether `value`, without its parameters, is the media type `wanted`.
pub(crate) fn is_media_type(value: &[u8], wanted: &[u8]) -> bool {
    let essence = value.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(wanted)
}

/// The entity tags of an `If-Match` or `If-None-Match` header.
enum EntityTags {
    Any,
    Listed(Vec<String>),
}

impl EntityTags {
    /// Whether all tags are well-formed entity tags (RFC 9110 § 8.8.3).
    fn are_well_formed(&self) -> bool {
        let is_tag = |tag: &String| {
            let opaque = tag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            opaque.is_some_and(|opaque| !opaque.contains('"'))
        };
        match self {
            Self::Any => true,
            Self::Listed(tags) => tags.iter().all(is_tag),
        }
    }

    /// Whether one of the tags names this revision.
    fn contains(&self, revision: Revision) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(tags) => tags.contains(&etag(revision)),
        }
    }
}

/// Returns the entity tags of a header. Compression of a response makes its tag weak, so a weak tag counts as the
/// strong one.
fn entity_tags(headers: &HeaderMap, name: &header::HeaderName) -> Option<EntityTags> {
    let mut tags = Vec::new();
    for value in headers.get_all(name) {
        for tag in String::from_utf8_lossy(value.as_bytes()).split(',').map(str::trim) {
            if tag == "*" {
                return Some(EntityTags::Any);
            }
            tags.push(tag.strip_prefix("W/").unwrap_or(tag).to_owned());
        }
    }
    headers.contains_key(name).then_some(EntityTags::Listed(tags))
}
