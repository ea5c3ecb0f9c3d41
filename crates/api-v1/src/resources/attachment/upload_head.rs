//! The head of an upload: what its headers and its query say about the file.

use axum::http::{HeaderMap, header};
use evidence::{ContentType, FileName};
use http_api::{
    request::{ApiRequest, Parameter, Query, Sha256Hash, body_digests},
    response::{Issue, Problem},
};
use kernel::Reason;
use serde_json::json;

/// The media type of a file of which the request states none.
const DEFAULT_CONTENT_TYPE: &str = "application/octet-stream";

/// The head of an upload.
pub(super) struct UploadHead {
    pub(super) file_name: FileName,
    pub(super) content_type: ContentType,
    pub(super) reason: Reason,
    /// The hashes that the file must have, with the names of the headers that state them.
    digests: Vec<(&'static str, Sha256Hash)>,
}

impl UploadHead {
    /// Reads the head of a request.
    ///
    /// # Errors
    /// A 400 response with everything that is wrong in it.
    pub(super) fn read(request: &ApiRequest) -> Result<Self, Problem> {
        let mut query = Query::parse(request.query());
        let reason = Self::read_reason(&mut query);
        let mut accept = |issue: Issue| query.add_issue(issue);
        let file_name = file_name(request).map_err(&mut accept).ok();
        let content_type = content_type(request).map_err(&mut accept).ok();
        let digests = body_digests(&request.parts.headers).map_err(&mut accept).ok();
        query.finish()?;
        let read =
            || Some(Self { file_name: file_name?, content_type: content_type?, reason: reason?, digests: digests? });
        read().ok_or_else(Problem::internal)
    }

    /// Reads the reason of the upload.
    pub(super) fn read_reason(query: &mut Query<'_>) -> Option<Reason> {
        query.reason()
    }

    /// Returns the headers that describe the file, for the OpenAPI document.
    pub(super) fn describe_headers() -> [Parameter; 2] {
        [
            Parameter {
                schema: json!({ "type": "string", "pattern": NAMES_A_FILE }),
                ..Parameter::header(
                    "Content-Disposition",
                    "The name of the file (RFC 6266), such as `attachment; filename=\"report.pdf\"`, or `attachment; filename*=UTF-8''Pr%C3%BCfung.pdf` if it has characters other than ASCII. A name with a path, with characters that are not visible or not allowed on a common system, or that such a system reserves is refused.",
                    true,
                )
            },
            Parameter::header(
                "Content-Digest",
                "The SHA-256 hash of the body (RFC 9530), as `sha-256=:base64:`; it may also follow the body as a trailer. An upload with another hash is refused, and so is one with a hash that is not checked, such as `Content-MD5`.",
                false,
            ),
        ]
    }

    /// Checks that the bytes have the hashes that the request states, in its head or after its body.
    ///
    /// # Errors
    /// A 400 response.
    pub(super) fn check_digests(&self, hash: &Sha256Hash, trailers: &HeaderMap) -> Result<(), Problem> {
        let of_trailers = body_digests(trailers).map_err(|issue| Problem::validation(vec![issue]))?;
        match self.digests.iter().chain(&of_trailers).find(|(_, expected)| expected != hash) {
            None => Ok(()),
            Some((header, _)) => Err(Problem::validation(vec![Issue::new(
                ["header", header],
                "is not the hash of the body that arrived: send the file again",
            )])),
        }
    }

    /// The meaning of an upload whose bytes have this hash, for the comparison of requests with one idempotency key.
    pub(super) fn with_hash<'a>(&'a self, hash: &'a Sha256Hash) -> [&'a [u8]; 3] {
        [hash, self.file_name.as_str().as_bytes(), self.content_type.as_str().as_bytes()]
    }
}

/// The regular expression (ECMA-262) of a disposition that states a file name.
const NAMES_A_FILE: &str = r"^[!-~]+ *;.*[fF][iI][lL][eE][nN][aA][mM][eE]\*? *=.+$";

fn file_name(request: &ApiRequest) -> Result<FileName, Issue> {
    let issue = |message: String| Issue::new(["header", "Content-Disposition"], message);
    let name = request.body_file_name()?;
    let name = name.ok_or_else(|| {
        issue("is required: name the file, for example with attachment; filename=\"report.pdf\"".to_owned())
    })?;
    FileName::parse(&name).map_err(|error| issue(format!("the file name {error}")))
}

fn content_type(request: &ApiRequest) -> Result<ContentType, Issue> {
    let issue = |message: String| Issue::new(["header", "Content-Type"], message);
    let values: Vec<_> = request.parts.headers.get_all(header::CONTENT_TYPE).iter().collect();
    let value = match values.as_slice() {
        [] => DEFAULT_CONTENT_TYPE,
        [value] => value.to_str().unwrap_or_default(),
        _ => return Err(issue("is repeated".to_owned())),
    };
    ContentType::parse(value).map_err(|error| issue(error.to_string()))
}
