//! The headers that describe a body of bytes: its name and its digest.

use axum::http::{HeaderName, header};

use super::{
    ApiRequest, content_disposition,
    digest::{self, Sha256Hash},
};
use crate::response::Issue;

/// The digest of a body as it is sent, and that of what it represents. They are the same, since no body is compressed.
const DIGESTS: [(HeaderName, &str); 2] = [
    (HeaderName::from_static("content-digest"), "Content-Digest"),
    (HeaderName::from_static("repr-digest"), "Repr-Digest"),
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

    /// Returns the SHA-256 hashes that the body must have, each with the name of the header that states it.
    ///
    /// # Errors
    /// The issue with a malformed header.
    pub fn body_digests(&self) -> Result<Vec<(&'static str, Sha256Hash)>, Issue> {
        let mut hashes = Vec::new();
        for (header, name) in &DIGESTS {
            for value in self.parts.headers.get_all(header) {
                let hash = digest::sha256(value.as_bytes());
                hashes.push((*name, hash.map_err(|message| Issue::new(["header", name], message))?));
            }
        }
        Ok(hashes)
    }
}
