//! Whether a page of this server had the browser send a request.

use axum::http::{HeaderMap, header};

use crate::response::Problem;

/// Refuses a write that another site had the browser send. Browsers say where a request comes from; the token in the form
/// is checked in addition, by the handler.
pub(crate) fn check_same_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let is_same = match (headers.get("sec-fetch-site"), text(header::ORIGIN)) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_some() && host == text(header::HOST)
        }
        (None, None) => false,
    };
    if is_same { Ok(()) } else { Err(Problem::other_site()) }
}
