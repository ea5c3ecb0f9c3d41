//! The claims of access tokens (RFC 9068) and ID tokens (OpenID Connect Core § 2).

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{Entropy, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha512};

use crate::{client::IdTokenAlgorithm, code::StoredCode, exchange::Issued};

/// The lifetime of access tokens.
pub const OAUTH_ACCESS_LIFETIME: Duration = Duration::from_secs(900);
/// The lifetime of ID tokens.
pub const OAUTH_ID_TOKEN_LIFETIME: Duration = Duration::from_secs(300);

/// The claims of an access token of a grant, whose header has `"typ":"at+jwt"` and `"alg":"EdDSA"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessTokenClaims(Value);

/// The claims of an ID token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdTokenClaims(Value);

impl AccessTokenClaims {
    /// The media type in the header.
    pub const TYPE: &'static str = "at+jwt";

    /// Returns the claims. `issuer` is the public URL.
    #[must_use]
    pub fn new(issued: &Issued, issuer: &str, entropy: &dyn Entropy, now: Timestamp) -> Self {
        Self(json!({
            "iss": issuer,
            "aud": format!("{issuer}/v2"),
            "sub": issued.grant.user.to_string(),
            "client_id": issued.grant.client.to_string(),
            "org": issued.grant.organization.to_string(),
            "scope": issued.scopes.to_string(),
            "grant": issued.grant.id.to_string(),
            "iat": now.seconds(),
            "exp": (now + OAUTH_ACCESS_LIFETIME).seconds(),
            "jti": entropy.ulid(now).to_string(),
        }))
    }

    /// The claims to sign.
    #[must_use]
    pub const fn value(&self) -> &Value {
        &self.0
    }
}

impl IdTokenClaims {
    /// Returns the claims of the ID token that is issued with an access token.
    #[must_use]
    pub fn new(
        code: &StoredCode,
        issuer: &str,
        access_token: &str,
        algorithm: IdTokenAlgorithm,
        now: Timestamp,
    ) -> Self {
        let mut claims = json!({
            "iss": issuer,
            "sub": code.user.to_string(),
            "aud": code.client.to_string(),
            "exp": (now + OAUTH_ID_TOKEN_LIFETIME).seconds(),
            "iat": now.seconds(),
            "auth_time": code.authenticated_at.seconds(),
            "at_hash": at_hash(access_token, algorithm),
            "org": code.organization.to_string(),
            "sid": code.session.to_string(),
        });
        if let Some(nonce) = &code.nonce {
            claims["nonce"] = nonce.as_str().into();
        }
        Self(claims)
    }

    /// The claims to sign.
    #[must_use]
    pub const fn value(&self) -> &Value {
        &self.0
    }
}

/// Returns the left half of the hash of an access token. Ed25519 signs with SHA-512.
#[must_use]
pub fn at_hash(access_token: &str, algorithm: IdTokenAlgorithm) -> String {
    match algorithm {
        IdTokenAlgorithm::Rs256 => URL_SAFE_NO_PAD.encode(&Sha256::digest(access_token)[..16]),
        IdTokenAlgorithm::EdDsa => URL_SAFE_NO_PAD.encode(&Sha512::digest(access_token)[..32]),
    }
}
