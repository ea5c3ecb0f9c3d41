//! The bounds of a request's head. The server reads heads that are larger, so that these are answered like anything else.

use axum::http::request::Parts;

use crate::problem::Problem;

/// The most that path and query may have together, in bytes: far more than 50 parameters need.
const MOST_TARGET: usize = 16 * 1024;

/// The most that header fields may have together, in bytes.
const MOST_FIELDS: usize = 32 * 1024;

/// What stands between a name and its value and at the end of a line.
const BETWEEN: usize = 4;

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
