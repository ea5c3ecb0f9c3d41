//! Conditional requests: `If-Match` and `If-None-Match` (RFC 9110 § 13).

use axum::http::{HeaderMap, header};
use kernel::Revision;

use super::ApiRequest;
use crate::response::{Issue, Problem, etag};

impl ApiRequest {
    /// Checks `If-Match` against the record's revision.
    ///
    /// # Errors
    /// A 412 response if the header names other revisions, and a 400 response if it is malformed.
    pub fn check_if_match(&self, revision: Revision) -> Result<(), Problem> {
        match entity_tags(&self.parts.headers, &header::IF_MATCH) {
            // A malformed tag matches no revision, so a 412 would ask the client to read the record again in vain.
            Some(tags) if !tags.are_well_formed() => Err(Problem::validation(vec![Issue::new(
                ["header", "If-Match"],
                "must be an ETag as it was returned, with its quotes, or *",
            )])),
            Some(tags) if !tags.contains(&etag(revision)) => Err(Problem::precondition_failed()),
            _ => Ok(()),
        }
    }

    /// Whether `If-None-Match` names this revision, so that the client has it already.
    #[must_use]
    pub fn client_has(&self, revision: Revision) -> bool {
        self.client_has_tag(&etag(revision))
    }

    /// Whether `If-None-Match` has this entity tag, so that the client has what it names.
    #[must_use]
    pub fn client_has_tag(&self, tag: &str) -> bool {
        entity_tags(&self.parts.headers, &header::IF_NONE_MATCH).is_some_and(|tags| tags.contains(tag))
    }
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

    /// Whether one of the tags is this one.
    fn contains(&self, wanted: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(tags) => tags.iter().any(|tag| tag == wanted),
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
