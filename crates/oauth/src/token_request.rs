//! The requests of the token and revocation endpoints, and the answer with tokens.

use secrecy::SecretString;
use serde_json::{Value, json};

use crate::{
    authorization::check_resource,
    claims::OAUTH_ACCESS_LIFETIME,
    error::{OAuthError, OAuthErrorCode},
    exchange::Issued,
    parameters::Parameters,
    pkce::CodeVerifier,
    scope_names::ScopeNames,
};

/// A request of the token endpoint, by `grant_type`.
#[derive(Debug)]
pub enum TokenRequest {
    /// A service account gets a token of its own.
    ClientCredentials {
        /// The requested scopes; all that the account holds if `None`.
        scopes: Option<ScopeNames>,
    },
    /// A client uses a code.
    AuthorizationCode {
        /// The code.
        code: SecretString,
        /// The redirect URI of the authorization request.
        redirect_uri: String,
        /// The verifier of PKCE.
        verifier: CodeVerifier,
    },
    /// A client uses a refresh token.
    RefreshToken {
        /// The token.
        token: SecretString,
        /// The scopes of the access token; those of the grant if `None`.
        scopes: Option<ScopeNames>,
    },
}

impl TokenRequest {
    /// Reads the form. `resource` is the URL of this API.
    ///
    /// # Errors
    /// `invalid_request`, `unsupported_grant_type`, `invalid_scope` or `invalid_target`.
    pub fn read(form: &Parameters, catalogue: &[&str], resource: &str) -> Result<Self, OAuthError> {
        form.refuse_repeated()?;
        let grant_type = form.required("grant_type")?;
        check_resource(form, resource)?;
        let scopes = || form.get("scope").map(|text| ScopeNames::parse(text, catalogue)).transpose();
        match grant_type {
            "client_credentials" => Ok(Self::ClientCredentials { scopes: scopes()? }),
            "authorization_code" => Ok(Self::AuthorizationCode {
                code: form.required("code")?.into(),
                redirect_uri: form.required("redirect_uri")?.to_owned(),
                verifier: CodeVerifier::parse(form.required("code_verifier")?)?,
            }),
            "refresh_token" => {
                Ok(Self::RefreshToken { token: form.required("refresh_token")?.into(), scopes: scopes()? })
            }
            _ => Err(OAuthError::new(OAuthErrorCode::UnsupportedGrantType, "there is no such grant_type")),
        }
    }
}

/// A request of the revocation endpoint (RFC 7009).
#[derive(Debug)]
pub struct RevocationRequest {
    /// The refresh or access token. `token_type_hint` is ignored: their forms differ.
    pub token: SecretString,
}

impl RevocationRequest {
    /// Reads the form.
    ///
    /// # Errors
    /// `invalid_request`.
    pub fn read(form: &Parameters) -> Result<Self, OAuthError> {
        form.refuse_repeated()?;
        Ok(Self { token: form.required("token")?.into() })
    }
}

/// Returns the body of the answer with signed tokens.
#[must_use]
pub fn token_response(issued: &Issued, access_token: &str, id_token: Option<&str>) -> Value {
    let mut body = json!({
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": OAUTH_ACCESS_LIFETIME.as_secs(),
        "scope": issued.scopes.to_string(),
    });
    if let Some(token) = &issued.refresh_token {
        body["refresh_token"] = token.expose().into();
    }
    if let Some(token) = id_token {
        body["id_token"] = token.into();
    }
    body
}
