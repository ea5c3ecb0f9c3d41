//! Responses with pages: their headers, redirects, and errors that people can read.

use std::borrow::Cow;

use axum::http::{HeaderName, StatusCode, header};
use bytes::Bytes;
use http_api::{
    pipeline::FailedRequest,
    response::{ApiResponse, Problem},
};
use maud::{Markup, html};

use crate::components::{NONE, gate, heading};

/// The rules for browsers: nothing but the program's own stylesheet and script, nothing inline, no frame around a page.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Returns the response with a page. No cache keeps it: after the sign-out nobody can go back to it.
pub(crate) fn page_response(status: StatusCode, page: Markup) -> ApiResponse {
    with_browser_rules(ApiResponse::document(status, "text/html; charset=utf-8", Bytes::from(page.into_string())))
        .header(header::CACHE_CONTROL, "no-store")
}

/// Returns the response that sends the browser on to another page of the web app with a GET request.
pub(crate) fn redirect(to: &str) -> ApiResponse {
    with_browser_rules(ApiResponse::empty(StatusCode::SEE_OTHER)).header(header::LOCATION, to)
}

fn with_browser_rules(response: ApiResponse) -> ApiResponse {
    response
        .header(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY)
        .header(header::X_FRAME_OPTIONS, "DENY")
        .header(header::REFERRER_POLICY, "same-origin")
        .header(PERMISSIONS_POLICY, "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
        .header(OPENER_POLICY, "same-origin")
        .header(RESOURCE_POLICY, "same-origin")
}

/// Returns the page for an error. Who has not signed in is sent to the sign-in, and from there back to the page.
pub(crate) fn error_response(problem: Problem, request: &FailedRequest<'_>) -> ApiResponse {
    if problem.code() == "signed_out" {
        let next = if request.is_read { request.target } else { "/app" };
        let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
        return redirect(&format!("/app/sign-in?next={next}"));
    }
    let status = problem.status;
    let title = title(status);
    let retry = if request.is_read { "Try it again." } else { "Nothing was changed. Go back and try it again." };
    let content = html! {
        (heading(title, &NONE, &NONE))
        p { (sentence(problem.message())) }
        ul.stack {
            @if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS { li { (retry) } }
            li { a href="/app" { "Go to the overview" } }
        }
        p.small.muted { "If you ask for help, say this: request " code { (request.request_id) } }
    };
    page_response(status, gate(title, false, &content))
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "There is no such page",
        StatusCode::FORBIDDEN => "You may not do this",
        StatusCode::BAD_REQUEST => "The address or the form is not right",
        StatusCode::METHOD_NOT_ALLOWED => "This can't be done here",
        StatusCode::PAYLOAD_TOO_LARGE => "This is too large",
        StatusCode::TOO_MANY_REQUESTS => "Too many requests",
        StatusCode::SERVICE_UNAVAILABLE => "The server can't answer now",
        status if status.is_server_error() => "Something went wrong here",
        _ => "This did not work",
    }
}

/// The message as a sentence: with a capital letter and a full stop.
fn sentence(message: &str) -> Cow<'_, str> {
    let mut text = message.to_owned();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    if !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    Cow::Owned(text)
}
