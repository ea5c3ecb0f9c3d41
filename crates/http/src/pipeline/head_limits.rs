//! The size limits of a request's head. The server accepts larger heads, so that a request over these limits gets a
//! regular error response and an audit entry.

use axum::http::request::Parts;

use crate::response::Problem;

/// The maximum length of path and query together, in bytes, which is far more than 50 parameters need.
const MAX_TARGET_BYTES: usize = 16 * 1024;

/// The maximum size of all header fields together, in bytes.
const MAX_HEADER_BYTES: usize = 32 * 1024;

/// The bytes that each header field needs besides its name and value: `: ` and the line break.
const FIELD_OVERHEAD: usize = 4;

/// Checks the request's head against the limits.
pub(crate) fn check(parts: &Parts) -> Result<(), Problem> {
    if parts.uri.path_and_query().is_some_and(|target| target.as_str().len() > MAX_TARGET_BYTES) {
        return Err(Problem::uri_too_long(MAX_TARGET_BYTES));
    }
    let fields =
        parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + FIELD_OVERHEAD).sum::<usize>();
    if fields > MAX_HEADER_BYTES {
        return Err(Problem::header_fields_too_large(MAX_HEADER_BYTES));
    }
    Ok(())
}
