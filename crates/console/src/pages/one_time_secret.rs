//! A secret on its way to the one page that shows it. The server keeps no copy: it travels in a cookie, encrypted for the
//! session, the page and a time, so that any server of the installation can show it.

use std::time::Duration;

use auth::Session;
use axum::http::header;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::Timestamp;

use crate::response::redirect;

/// The cookie with the encrypted secret.
const COOKIE: &str = "novantra-secret";

/// The time for which the secret can be shown.
const LIFETIME: Duration = Duration::from_secs(10 * 60);

/// Returns the response that sends the browser on to the page at `path`, which shows the secret once.
///
/// # Errors
/// An internal error if nobody has signed in.
pub(super) fn show_at(app: &App, request: &ApiRequest, path: &str, secret: &str) -> Result<ApiResponse, Problem> {
    Ok(show_to(app, &request.principal()?.user()?.caller.session, path, secret))
}

/// Returns the response that sends the browser with this session, which may have just begun, on to the page at `path`.
pub(super) fn show_to(app: &App, session: &Session, path: &str, secret: &str) -> ApiResponse {
    let ends_at = app.services.clock.now() + LIFETIME;
    let text = format!("{} {secret}", ends_at.millis());
    let purpose = purpose(session, path);
    let sealed = app.services.response_cipher.encrypt(&*app.services.entropy, &purpose, text.as_bytes());
    redirect(path).header(header::SET_COOKIE, cookie(app, path, &hex(&sealed), LIFETIME))
}

/// Returns the secret that the page at `path` shows, if it is on its way to this session and was not shown before.
///
/// # Errors
/// An internal error if nobody has signed in.
pub(super) fn take(app: &App, request: &ApiRequest, path: &str) -> Result<Option<String>, Problem> {
    let purpose = purpose(&request.principal()?.user()?.caller.session, path);
    let sealed = request.cookie(COOKIE).and_then(unhex);
    let text = sealed.and_then(|sealed| app.services.response_cipher.decrypt(&purpose, &sealed));
    let text = text.and_then(|text| String::from_utf8(text).ok());
    let parts = text.as_deref().and_then(|text| text.split_once(' '));
    Ok(parts.and_then(|(ends_at, secret)| {
        let ends_at = Timestamp::from_millis(ends_at.parse().ok()?);
        (app.services.clock.now() < ends_at).then(|| secret.to_owned())
    }))
}

/// Adds the header that has the browser forget the secret.
pub(super) fn forget(app: &App, response: ApiResponse, path: &str) -> ApiResponse {
    response.header(header::SET_COOKIE, cookie(app, path, "", Duration::ZERO))
}

fn cookie(app: &App, path: &str, value: &str, lifetime: Duration) -> String {
    let suffix = app.services.settings.session_cookie.suffix();
    format!("{COOKIE}={value}; Path={path}; Max-Age={}; HttpOnly; SameSite=Strict{suffix}", lifetime.as_secs())
}

/// The text that the encryption is bound to: it names the session and the page.
fn purpose(session: &Session, path: &str) -> String {
    format!("secret shown once {} {path}", session.token.to_hex())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let is_hex = text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then_some(())?;
    (0..text.len()).step_by(2).map(|index| u8::from_str_radix(text.get(index..index + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_the_cookie() {
        assert_eq!(unhex(&hex(&[0, 1, 254, 255])), Some(vec![0, 1, 254, 255]));
        for malformed in ["0", "zz", "é0", "+1"] {
            assert_eq!(unhex(malformed), None, "{malformed}");
        }
    }
}
