//! The limits of a request's head: its size, and the fields that decide where a request goes and where it ends. The
//! server accepts other heads, so that a request over these limits gets a regular error response and an audit entry.

use axum::http::{HeaderMap, HeaderName, Version, header, request::Parts};

use crate::response::{Issue, Problem};

/// The maximum length of path and query together, in bytes, which is far more than 50 parameters need.
const MAX_TARGET_BYTES: usize = 16 * 1024;

/// The maximum size of all header fields together, in bytes.
const MAX_HEADER_BYTES: usize = 32 * 1024;

/// The maximum number of header fields. Each takes memory of its own, which over HTTP/2 a single byte can ask for.
const MAX_HEADER_FIELDS: usize = 100;

/// The bytes that each header field needs besides its name and value: `: ` and the line break.
const FIELD_OVERHEAD: usize = 4;

/// Checks the request's head against the limits.
pub(crate) fn check(parts: &Parts) -> Result<(), Problem> {
    if parts.uri.path_and_query().is_some_and(|target| target.as_str().len() > MAX_TARGET_BYTES) {
        return Err(Problem::uri_too_long(MAX_TARGET_BYTES));
    }
    let fields =
        parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + FIELD_OVERHEAD).sum::<usize>();
    if fields > MAX_HEADER_BYTES || parts.headers.len() > MAX_HEADER_FIELDS {
        return Err(Problem::header_fields_too_large(MAX_HEADER_FIELDS, MAX_HEADER_BYTES));
    }
    check_routing(parts)
}

/// Checks the fields that proxies and servers must read alike, so that no request is hidden in another one: the host
/// (RFC 9112 § 3.2) and the coding that the body's end follows from (RFC 9112 § 6.1).
fn check_routing(parts: &Parts) -> Result<(), Problem> {
    if parts.version != Version::HTTP_11 {
        return Ok(());
    }
    if parts.headers.get_all(header::HOST).iter().count() != 1 {
        return Err(invalid_field("Host", "must be sent once"));
    }
    let codings = field_values(&parts.headers, &header::TRANSFER_ENCODING);
    if codings.is_empty() || matches!(codings.as_slice(), [coding] if coding.eq_ignore_ascii_case(b"chunked")) {
        Ok(())
    } else {
        Err(invalid_field("Transfer-Encoding", "must be chunked, or must not be sent"))
    }
}

/// The comma-separated values of a field.
fn field_values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<&'a [u8]> {
    let lines = headers.get_all(name).iter();
    lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii).collect()
}

fn invalid_field(name: &'static str, message: &'static str) -> Problem {
    Problem::validation(vec![Issue::new(["header", name], message)])
}
