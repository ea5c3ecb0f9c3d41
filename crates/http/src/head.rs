//! The size limits of a request's head. The server accepts larger heads, so that a request over these limits gets a
//! regular error response and an audit entry.

use axum::http::request::Parts;

use crate::problem::Problem;

/// The maximum length of path and query together, in bytes, which is far more than 50 parameters need.
const MOST_TARGET: usize = 16 * 1024;

/// The maximum size of all header fields together, in bytes.
const MOST_FIELDS: usize = 32 * 1024;

/// The bytes that each header field needs besides its name and value: `: ` and the line break.
const BETWEEN: usize = 4;

/// Checks the request's head against the limits.
pub(crate) fn check(parts: &Parts) -> Result<(), Problem> {
    if parts.uri.path_and_query().is_some_and(|target| target.as_str().len() > MOST_TARGET) {
        return Err(Problem::uri_too_long(MOST_TARGET));
    }
    let fields = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + BETWEEN).sum::<usize>();
    if fields > MOST_FIELDS {
        return Err(Problem::header_fields_too_large(MOST_FIELDS));
    }
    Ok(())
}
