//! The cookies of sessions, and what a request says about its browser.

use auth::{OpaqueToken, SessionLevel};
use axum::http::header;
use http_api::{
    pipeline::App,
    request::{ApiRequest, DEVICE_COOKIE},
    response::{ApiResponse, Problem},
};
use people::{BegunSession, Client, PeopleError};

/// The time for which a device is recognized, in seconds: a year.
const DEVICE_LIFETIME: u64 = 365 * 24 * 60 * 60;

/// Returns what the request says about its browser.
pub(crate) fn client(request: &ApiRequest) -> Client {
    Client {
        origin: request.origin(),
        address: request.address,
        device_cookie: request.cookie(DEVICE_COOKIE).map(str::to_owned),
    }
}

/// Returns the token of the session that the request has.
///
/// # Errors
/// A 401 response if it has none.
pub(crate) fn session_token(app: &App, request: &ApiRequest) -> Result<OpaqueToken, Problem> {
    request.session_token(app.services.settings.session_cookie.name()).ok_or_else(Problem::signed_out)
}

/// Adds the cookies of a session that has begun.
pub(crate) fn with_session(app: &App, response: ApiResponse, begun: &BegunSession) -> ApiResponse {
    let cookie = app.services.settings.session_cookie;
    let session = &begun.session.session;
    let lifetime = session.expires_at.since(session.created_at);
    let response = response.header(header::SET_COOKIE, cookie.header(Some(begun.session.token.expose()), lifetime));
    match &begun.device_cookie {
        Some(device) => with_device(app, response, device),
        None => response,
    }
}

/// Adds the cookie by which a device is recognized.
pub(crate) fn with_device(app: &App, response: ApiResponse, device: &str) -> ApiResponse {
    let suffix = app.services.settings.session_cookie.suffix();
    let cookie =
        format!("{DEVICE_COOKIE}={device}; Path=/app; Max-Age={DEVICE_LIFETIME}; HttpOnly; SameSite=Lax{suffix}");
    response.header(header::SET_COOKIE, cookie)
}

/// Adds the cookie that ends the session.
pub(crate) fn without_session(app: &App, response: ApiResponse) -> ApiResponse {
    response.header(header::SET_COOKIE, app.services.settings.session_cookie.header(None, std::time::Duration::ZERO))
}

/// Returns the response for an error that no form can show.
pub(crate) fn problem_of(error: PeopleError) -> Problem {
    match error {
        PeopleError::Denied(denied) => Problem::denied(denied),
        PeopleError::Store(error) => error.into(),
        PeopleError::Busy | PeopleError::Contended => Problem::unavailable_because(error.to_string()),
        PeopleError::LinkInvalid | PeopleError::NotFound => Problem::not_found(),
        error => Problem::unprocessable(error.to_string()),
    }
}

/// Returns the page on which a sign-in of this level goes on: `next` once it is complete.
pub(crate) fn page_after(level: SessionLevel, next: &str) -> String {
    let step = match level {
        SessionLevel::Full => return next.to_owned(),
        SessionLevel::SecondFactorPending => "/app/second-factor",
        SessionLevel::EnrollmentPending => "/app/set-up-second-factor",
    };
    format!("{step}?next={}", form_urlencoded::byte_serialize(next.as_bytes()).collect::<String>())
}

/// Returns the page to go to after the sign-in: only one of this web app, whose path stays the same if a browser or a proxy
/// normalizes it.
pub(crate) fn next_page(text: Option<&str>) -> &str {
    let is_own = |text: &&str| {
        let path = text.split(['?', '#']).next().unwrap_or_default();
        let segments = path.strip_prefix("/app").filter(|rest| rest.is_empty() || rest.starts_with('/'));
        segments.is_some_and(|segments| segments.split('/').skip(1).all(is_plain_segment))
            && !text.starts_with("/app/sign-")
            && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    };
    text.filter(is_own).unwrap_or("/app")
}

/// Whether the segment of a path names something: it is not empty and does not consist of dots, also in percent-encoding.
fn is_plain_segment(segment: &str) -> bool {
    !segment.to_ascii_lowercase().replace("%2e", "").replace('.', "").is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_web_app_are_gone_to_after_the_sign_in() {
        let own_pages = [
            "/app",
            "/app?window=90",
            "/app/risks?status=accepted",
            "/app/findings/find_1",
            "/app/go?q=..//x",
            "/app/a.b#tab",
        ];
        for own in own_pages {
            assert_eq!(next_page(Some(own)), own);
        }
        let others = [
            "https://evil.example",
            "//evil.example",
            "/app/../\\evil",
            "/application",
            "/app\r\nX: y",
            "/app/sign-out",
            "/app/../..",
            "/app/./risks",
            "/app/%2E%2e/risks",
            "/app/.%2e",
            "/app//evil.example",
            "/app/",
            "",
        ];
        for other in others {
            assert_eq!(next_page(Some(other)), "/app", "{other}");
        }
        assert_eq!(next_page(None), "/app");
    }
}
