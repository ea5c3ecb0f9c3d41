//! The check that a page of this server had the browser send a request.

use std::net::IpAddr;

use axum::http::{HeaderName, Uri, header, request::Parts};

use crate::response::Problem;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses a write that another site had the browser send. Browsers say where a request comes from: by `Sec-Fetch-Site`
/// over TLS, and by `Origin` in any case. The origin must be that of the public URL. Only a server whose public URL is a
/// loopback address is reached by any name; its own is then what the request says.
pub(super) fn check(parts: &Parts, public_url: &str) -> Result<(), Problem> {
    let text = |name: HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
    if !is_loopback(public_url) {
        // `Host` proves nothing: anybody can have a name of theirs point to this server.
        let is_same = match (parts.headers.get(FETCH_SITE), text(header::ORIGIN)) {
            (Some(site), origin) => site == "same-origin" && origin.is_none_or(|origin| origin == public_url),
            (None, origin) => origin == Some(public_url),
        };
        return if is_same { Ok(()) } else { Err(Problem::other_site_than(public_url)) };
    }
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

fn is_loopback(url: &str) -> bool {
    let url: Option<Uri> = url.parse().ok();
    let host = url.as_ref().and_then(Uri::host).map(|host| host.trim_matches(['[', ']']));
    host.is_some_and(|host| host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()))
}
