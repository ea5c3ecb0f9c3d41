//! The media types that endpoints can respond with.

use http_api::request::MediaType;

/// The media type of most responses.
pub(crate) const JSON: &[MediaType] = &[MediaType::Json];
/// The media types of lists: JSON for a page, newline-delimited JSON for the whole collection.
pub(crate) const JSON_OR_NDJSON: &[MediaType] = &[MediaType::Json, MediaType::NdJson];
