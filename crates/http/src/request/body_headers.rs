//! The headers that describe a body of bytes: its name and its digest.

use axum::http::{HeaderMap, HeaderName, header};

use super::{
    ApiRequest, content_disposition,
    digest::{self, Sha256Hash},
};
use crate::response::Issue;

/// Returns the hash that the value of a header states.
type ReadDigest = fn(&[u8]) -> Result<Sha256Hash, &'static str>;

/// The digest of a body as it is sent, and that of what it represents, which are the same, since no body is compressed;
/// and their predecessors.
const DIGESTS: [(HeaderName, &str, ReadDigest); 4] = [
    (HeaderName::from_static("content-digest"), "Content-Digest", digest::sha256),
    (HeaderName::from_static("repr-digest"), "Repr-Digest", digest::sha256),
    (HeaderName::from_static("digest"), "Digest", digest::sha256_of_rfc3230),
    (HeaderName::from_static("content-md5"), "Content-MD5", |_| {
        Err("is not checked: state the SHA-256 hash in Content-Digest instead, as sha-256=:base64:")
    }),
];

impl ApiRequest {
    /// Returns the file name of the body as `Content-Disposition` states it, which must be checked; `None` if it states
    /// none.
    ///
    /// # Errors
    /// The issue with a malformed header.
    pub fn body_file_name(&self) -> Result<Option<String>, Issue> {
        let values: Vec<_> = self.parts.headers.get_all(header::CONTENT_DISPOSITION).iter().collect();
        let name = match values.as_slice() {
            [] => Ok(None),
            [value] => content_disposition::file_name(value.as_bytes()),
            _ => Err("is repeated"),
        };
        name.map_err(|message| Issue::new(["header", "Content-Disposition"], message))
    }
}

/// Returns the SHA-256 hashes that these headers or trailers state of a body, each with the name of its header.
///
/// # Errors
/// The issue with a header that is malformed, or whose digest is not checked.
pub fn body_digests(headers: &HeaderMap) -> Result<Vec<(&'static str, Sha256Hash)>, Issue> {
    let mut hashes = Vec::new();
    for (header, name, read) in &DIGESTS {
        for value in headers.get_all(header) {
            hashes.push((*name, read(value.as_bytes()).map_err(|message| Issue::new(["header", name], message))?));
        }
    }
    Ok(hashes)
}
