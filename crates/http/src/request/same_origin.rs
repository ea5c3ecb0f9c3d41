//! The check that a page of this server had the browser send a request.

use axum::http::{HeaderName, header, request::Parts};

use crate::response::Problem;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses a write that another site had the browser send. Browsers say where a request comes from: by `Sec-Fetch-Site`
/// over TLS, and by `Origin` in any case.
pub(super) fn check(parts: &Parts) -> Result<(), Problem> {
    let text = |name: HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
    // Over HTTP/2 the host is part of the address.
    let host = text(header::HOST).or_else(|| parts.uri.authority().map(|authority| authority.as_str()));
    let is_same = match (parts.headers.get(FETCH_SITE), text(header::ORIGIN)) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => {
            let sender = origin.split_once("://").map(|(_, host)| host);
            sender.is_some() && sender == host
        }
        (None, None) => false,
    };
    if is_same { Ok(()) } else { Err(Problem::other_site()) }
}
