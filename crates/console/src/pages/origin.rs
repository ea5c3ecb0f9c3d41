//! The address of the server, as the browser has called it.

use axum::http::header;
use http_api::{pipeline::App, request::ApiRequest};

/// The scheme and the host, for calls that are copied from a page.
pub(crate) fn origin(app: &App, request: &ApiRequest) -> String {
    let text = |name| request.parts.headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST)
        .filter(|host| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte)));
    let scheme = if app.services.settings.session_cookie.suffix().is_empty() { "http" } else { "https" };
    format!("{scheme}://{}", host.unwrap_or("localhost"))
}
