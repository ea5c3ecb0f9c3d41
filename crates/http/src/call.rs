//! A call on its way through: what was sent, and who was found to have sent it.

use std::{borrow::Cow, net::IpAddr, sync::Arc};

use auth::Caller;
use axum::http::{HeaderMap, Method, header, request::Parts};
use bytes::Bytes;
use kernel::{Attribution, Id, Named, OrganizationId, Origin, RequestId, Revision};
use serde_json::Value;

use crate::{
    accept::Format,
    accounts::Cached,
    json,
    operation::Operation,
    problem::{Issue, Problem},
    reply::etag,
};

/// A call that has passed the door.
pub(crate) struct Call {
    pub(crate) operation: &'static Operation,
    /// The form it is to be answered in.
    pub(crate) format: Format,
    pub(crate) request_id: Id<RequestId>,
    pub(crate) parts: Parts,
    /// The values of the path's parameters, in their order.
    pub(crate) path: Vec<String>,
    pub(crate) body: Bytes,
    pub(crate) address: Option<IpAddr>,
    /// Who calls; `None` only at endpoints that ask for nobody.
    pub(crate) known: Option<Known>,
}

/// An admitted caller with what is told of it.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) caller: Caller,
    pub(crate) cached: Arc<Cached>,
}

impl Known {
    pub(crate) fn organization(&self) -> OrganizationId {
        self.cached.tenant.organization
    }
}

impl Call {
    /// The caller; an endpoint that asks for nobody has none.
    pub(crate) fn known(&self) -> Result<&Known, Problem> {
        self.known.as_ref().ok_or_else(Problem::internal)
    }

    pub(crate) fn origin(&self) -> Origin {
        origin(self.operation, &self.parts, self.request_id, self.address)
    }

    pub(crate) fn attribution(&self, known: &Known) -> Attribution {
        Attribution {
            organization: known.organization(),
            actor: known.cached.actor.clone(),
            origin: self.origin(),
            standing: Some(known.caller.standing()),
        }
    }

    /// The path's first parameter as an identifier; one that is malformed names nothing.
    pub(crate) fn path_id<R: Named>(&self) -> Result<Id<R>, Problem> {
        self.path_id_at(0)
    }

    /// The same of the parameter at this place, from 0.
    pub(crate) fn path_id_at<R: Named>(&self, place: usize) -> Result<Id<R>, Problem> {
        let text = self.path.get(place).ok_or_else(Problem::not_found)?;
        text.parse().map_err(|_| Problem::not_found())
    }

    pub(crate) fn query(&self) -> &str {
        self.parts.uri.query().unwrap_or_default()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Value, Problem> {
        self.check_body_is_plain()?;
        let content_type = self.parts.headers.get(header::CONTENT_TYPE);
        if content_type.is_some_and(|value| !is_media_type(value.as_bytes(), b"application/json")) {
            return Err(Problem::unsupported_media_type("application/json"));
        }
        if self.body.is_empty() {
            return Err(Problem::validation(vec![Issue::new([], "a JSON object is needed")]));
        }
        json::read(&self.body).map_err(|message| Problem::validation(vec![Issue::new([], message)]))
    }

    /// Refuses a body that was compressed: what came of it would be told as a fault of the JSON.
    pub(crate) fn check_body_is_plain(&self) -> Result<(), Problem> {
        let is_plain = |coding: &[u8]| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity");
        let mut codings = self.parts.headers.get_all(header::CONTENT_ENCODING).iter();
        if codings.all(|coding| is_plain(coding.as_bytes().trim_ascii())) {
            Ok(())
        } else {
            Err(Problem::encoded_body())
        }
    }

    /// Holds `If-Match` to the record's revision.
    pub(crate) fn check_if_match(&self, revision: Revision) -> Result<(), Problem> {
        match listed(&self.parts.headers, &header::IF_MATCH) {
            // What can name no revision would be refused again however often the record is read anew.
            Some(tags) if !tags.are_tags() => Err(Problem::validation(vec![Issue::new(
                ["header", "If-Match"],
                "must be the ETag as it was answered, with its quotes, or *",
            )])),
            Some(tags) if !tags.names(revision) => Err(Problem::precondition_failed()),
            _ => Ok(()),
        }
    }

    /// Whether `If-None-Match` says that the client has this revision.
    pub(crate) fn has(&self, revision: Revision) -> bool {
        listed(&self.parts.headers, &header::IF_NONE_MATCH).is_some_and(|tags| tags.names(revision))
    }
}

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
    for known in ["GET", "POST", "PATCH", "DELETE", "HEAD", "PUT", "OPTIONS"] {
        if method.as_str() == known {
            return Cow::Borrowed(known);
        }
    }
    Cow::Owned(printable(method.as_str().as_bytes(), 30))
}

/// What a stranger sent, as far as it can stand in a log.
pub(crate) fn printable(bytes: &[u8], most: usize) -> String {
    if bytes.len() <= most
        && bytes.iter().all(|byte| matches!(byte, b' '..=b'~'))
        && let Ok(text) = str::from_utf8(bytes)
    {
        return text.to_owned();
    }
    String::from_utf8_lossy(bytes).chars().filter(|character| !character.is_control()).take(most).collect()
}

pub(crate) fn is_media_type(value: &[u8], wanted: &[u8]) -> bool {
    let essence = value.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(wanted)
}

enum Tags {
    Any,
    These(Vec<String>),
}

impl Tags {
    /// Whether all of them look like entity tags (RFC 9110 § 8.8.3).
    fn are_tags(&self) -> bool {
        let is_tag = |tag: &String| {
            let opaque = tag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            opaque.is_some_and(|opaque| !opaque.contains('"'))
        };
        match self {
            Self::Any => true,
            Self::These(tags) => tags.iter().all(is_tag),
        }
    }

    fn names(&self, revision: Revision) -> bool {
        match self {
            Self::Any => true,
            Self::These(tags) => tags.contains(&etag(revision)),
        }
    }
}

/// The entity tags of a header. Compression makes a tag weak on its way out, so weak ones count as their strong form.
fn listed(headers: &HeaderMap, name: &header::HeaderName) -> Option<Tags> {
    let mut tags = Vec::new();
    for value in headers.get_all(name) {
        for tag in String::from_utf8_lossy(value.as_bytes()).split(',').map(str::trim) {
            if tag == "*" {
                return Some(Tags::Any);
            }
            tags.push(tag.strip_prefix("W/").unwrap_or(tag).to_owned());
        }
    }
    headers.contains_key(name).then_some(Tags::These(tags))
}
