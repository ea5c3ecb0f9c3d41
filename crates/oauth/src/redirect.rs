//! The answers of the authorization endpoint that go to the client by redirect (RFC 6749 § 4.1.2, RFC 9207).

use crate::{authorization::AuthorizationRequest, code::AuthorizationCode, error::OAuthError};

/// Returns the location of a successful answer: `code`, `state` and `iss`.
#[must_use]
pub fn code_redirect(request: &AuthorizationRequest, code: &AuthorizationCode, issuer: &str) -> String {
    location(&request.redirect_uri, &[("code", code.expose())], request.state.as_deref(), issuer)
}

/// Returns the location of an error: `error`, `error_description`, `state` and `iss`.
#[must_use]
pub fn error_redirect(redirect_uri: &str, state: Option<&str>, error: &OAuthError, issuer: &str) -> String {
    let pairs = [("error", error.code.name()), ("error_description", &*error.description)];
    location(redirect_uri, &pairs, state, issuer)
}

fn location(redirect_uri: &str, pairs: &[(&str, &str)], state: Option<&str>, issuer: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs);
    query.extend_pairs(state.map(|state| ("state", state)));
    query.append_pair("iss", issuer);
    // The registered URI is not rebuilt from its parsed form, which would normalize it.
    let separator = match redirect_uri.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    format!("{redirect_uri}{separator}{}", query.finish())
}
