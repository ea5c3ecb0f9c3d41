//! The cookies of sessions, and what a request says about its browser.

use auth::{OpaqueToken, SessionLevel};
use axum::http::header;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use people::{BegunSession, Client, PeopleError};

/// The cookie by which a device is recognized.
const DEVICE_COOKIE: &str = "novantra-device";

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
        Some(device) => response.header(
            header::SET_COOKIE,
            format!(
                "{DEVICE_COOKIE}={device}; Path=/app; Max-Age={DEVICE_LIFETIME}; HttpOnly; SameSite=Lax{}",
                cookie.suffix()
            ),
        ),
        None => response,
    }
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

/// Returns the page to go to after the sign-in: only one of this web app.
pub(crate) fn next_page(text: Option<&str>) -> &str {
    let is_own = |text: &&str| {
        (*text == "/app" || text.starts_with("/app/") || text.starts_with("/app?"))
            && !text.starts_with("/app/sign-")
            && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    };
    text.filter(is_own).unwrap_or("/app")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_web_app_are_gone_to_after_the_sign_in() {
        for own in ["/app", "/app/risks?status=accepted", "/app/findings/find_1"] {
            assert_eq!(next_page(Some(own)), own);
        }
        let others = [
            "https://evil.example",
            "//evil.example",
            "/app/../\\evil",
            "/application",
            "/app\r\nX: y",
            "/app/sign-out",
            "",
        ];
        for other in others {
            assert_eq!(next_page(Some(other)), "/app", "{other}");
        }
        assert_eq!(next_page(None), "/app");
    }
}
