//! The cookies of a request.

use auth::{OpaqueToken, TokenUse};
use axum::http::{HeaderMap, HeaderValue, header};

/// The cookie by which a device is recognized on which somebody signed in before.
pub const DEVICE_COOKIE: &str = "novantra-device";

/// Returns the value of the first cookie with this name in these lines of the header `Cookie`.
pub(crate) fn cookie_value<'h>(lines: impl Iterator<Item = &'h HeaderValue>, name: &str) -> Option<&'h str> {
    cookie_values(lines, name).next()
}

/// Returns the values of the cookies with this name. Cookies of other programs on the same host may be no text.
fn cookie_values<'h>(lines: impl Iterator<Item = &'h HeaderValue>, name: &str) -> impl Iterator<Item = &'h str> {
    lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';')).filter_map(move |pair| {
        let value = pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        str::from_utf8(value).ok()
    })
}

/// Returns the token of the session that the cookie with this name stands for. If there are several with different values,
/// none of them counts: another host of the domain may have set one, to have the person act in a session of its own.
pub(super) fn session_token(headers: &HeaderMap, name: &str) -> Option<OpaqueToken> {
    let mut values = cookie_values(headers.get_all(header::COOKIE).iter(), name);
    let first = values.next()?;
    values.all(|value| value == first).then(|| OpaqueToken::parse(TokenUse::Session, first))?
}
