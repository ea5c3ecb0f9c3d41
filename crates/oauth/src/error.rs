//! The error answers of RFC 6749 and its extensions.

use std::borrow::Cow;

use kernel::string_enum;
use serde_json::{Value, json};

string_enum! {
    /// The value of `error`.
    OAuthErrorCode {
        /// The request is malformed, or a parameter is missing or wrong.
        InvalidRequest = "invalid_request",
        /// The client is unknown or has not authenticated.
        InvalidClient = "invalid_client",
        /// The code or refresh token is invalid, expired, used, or another client's.
        InvalidGrant = "invalid_grant",
        /// The client is not registered for this grant.
        UnauthorizedClient = "unauthorized_client",
        /// There is no such grant.
        UnsupportedGrantType = "unsupported_grant_type",
        /// Only `code` is supported.
        UnsupportedResponseType = "unsupported_response_type",
        /// A scope is unknown, or none can be granted.
        InvalidScope = "invalid_scope",
        /// The resource is not this API (RFC 8707).
        InvalidTarget = "invalid_target",
        /// The person denied the request.
        AccessDenied = "access_denied",
        /// `prompt=none`, and the person must sign in.
        LoginRequired = "login_required",
        /// `prompt=none`, and the person must consent.
        ConsentRequired = "consent_required",
        /// `prompt=none`, and the person must choose an organization.
        AccountSelectionRequired = "account_selection_required",
        /// The parameter `request` is not supported.
        RequestNotSupported = "request_not_supported",
        /// The parameter `request_uri` is not supported.
        RequestUriNotSupported = "request_uri_not_supported",
    }
}

/// An error that a client is answered with. Its description never contains a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {description}", code.name())]
pub struct OAuthError {
    /// The value of `error`.
    pub code: OAuthErrorCode,
    /// The text for the developer of the client, in the characters that RFC 6749 § 5.2 allows.
    pub description: Cow<'static, str>,
}

impl OAuthError {
    /// Creates an error. Characters that `error_description` can't contain become `'` or `?`.
    #[must_use]
    pub fn new(code: OAuthErrorCode, description: impl Into<Cow<'static, str>>) -> Self {
        let description = description.into();
        let allowed = |character: char| matches!(character, ' '..='!' | '#'..='[' | ']'..='~');
        if description.chars().all(allowed) {
            return Self { code, description };
        }
        let replaced = |character| match character {
            '"' => '\'',
            other if allowed(other) => other,
            _ => '?',
        };
        Self { code, description: description.chars().map(replaced).collect::<String>().into() }
    }

    /// Creates `invalid_request`.
    pub(crate) fn request(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(OAuthErrorCode::InvalidRequest, description)
    }

    /// The failure of client authentication, the same for every cause.
    #[must_use]
    pub fn invalid_client() -> Self {
        Self::new(OAuthErrorCode::InvalidClient, "client authentication failed")
    }

    /// Returns `invalid_grant`, the same for every cause.
    #[must_use]
    pub fn invalid_grant() -> Self {
        Self::new(OAuthErrorCode::InvalidGrant, "the code or refresh token is not valid")
    }

    /// The status of the answer: 401 if the client has not authenticated, else 400.
    #[must_use]
    pub const fn status(&self) -> u16 {
        if matches!(self.code, OAuthErrorCode::InvalidClient) { 401 } else { 400 }
    }

    /// The value of `WWW-Authenticate`, if the answer has one.
    #[must_use]
    pub fn challenge(&self) -> Option<&'static str> {
        (self.status() == 401).then_some("Basic realm=\"v2\"")
    }

    /// The body of the answer, with the fields of RFC 6749 and of v2.
    #[must_use]
    pub fn body(&self, request_id: &str) -> Value {
        let error_code = if self.status() == 401 { "unauthorized" } else { "invalid_request" };
        json!({
            "error": self.code.name(),
            "error_description": self.description,
            "error_code": error_code,
            "message": self.description,
            "request_id": request_id,
        })
    }
}
