//! The choice of the height of rows, which a cookie of the browser keeps.

use axum::http::header;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};

use super::form_texts::FormTexts;
use crate::response::redirect;

/// The lifetime of the cookie, in seconds: a year.
const LIFETIME: u32 = 365 * 24 * 60 * 60;

/// Handles the form with the buttons.
pub(crate) fn choose<'a>(_: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let texts = FormTexts::read(request)?;
        let text = |name: &str| texts.0.get(name).map_or("", String::as_str);
        let rows = if text("rows") == "compact" { "compact" } else { "comfortable" };
        let next = if is_page(text("next")) { text("next") } else { "/app" };
        let cookie = format!("novantra-rows={rows}; Path=/app; Max-Age={LIFETIME}; SameSite=Lax; HttpOnly");
        Ok(redirect(next).header(header::SET_COOKIE, cookie))
    })
}

/// Whether the text is the address of a page of the web app: no other host, and nothing that splits a header.
fn is_page(address: &str) -> bool {
    let is_below = address == "/app" || address.starts_with("/app/") || address.starts_with("/app?");
    is_below && !address.contains('\\') && address.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_the_web_app_are_returned_to() {
        assert!(is_page("/app/findings?status=open") && is_page("/app"));
        for other in
            ["//evil.example", "https://evil.example", "/application", "/app/\r\nSet-Cookie: a=b", "/app/\\evil", ""]
        {
            assert!(!is_page(other), "{other:?}");
        }
    }
}
