//! The discovery document (RFC 8414, OpenID Connect Discovery) and the key set (RFC 7517).

use std::time::Duration;

use kernel::Timestamp;
use serde_json::{Value, json};

use crate::scope_names::IDENTITY_SCOPES;

/// Returns the discovery document. Without `people`, only service accounts can get tokens. The issuer is the public URL.
#[must_use]
pub fn discovery_document(issuer: &str, catalogue: &[&str], people: bool) -> Value {
    let mut document = json!({
        "issuer": issuer,
        "token_endpoint": format!("{issuer}/oauth/token"),
        "revocation_endpoint": format!("{issuer}/oauth/revoke"),
        "jwks_uri": format!("{issuer}/oauth/jwks"),
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "ES256", "EdDSA"],
        "response_types_supported": [],
        "scopes_supported": catalogue,
    });
    if people {
        let scopes: Vec<_> = IDENTITY_SCOPES.iter().chain(catalogue).collect();
        let for_people = json!({
            "authorization_endpoint": format!("{issuer}/oauth/authorize"),
            "userinfo_endpoint": format!("{issuer}/oauth/userinfo"),
            "grant_types_supported": ["client_credentials", "authorization_code", "refresh_token"],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "code_challenge_methods_supported": ["S256"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "EdDSA"],
            "authorization_response_iss_parameter_supported": true,
            "claims_supported": [
                "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "org", "sid", "name",
                "preferred_username", "updated_at", "email", "email_verified",
            ],
            "scopes_supported": scopes,
            "request_parameter_supported": false,
            "request_uri_parameter_supported": false,
            "claims_parameter_supported": false,
        });
        if let (Value::Object(document), Value::Object(for_people)) = (&mut document, for_people) {
            document.extend(for_people);
        }
    }
    document
}

/// The public part of a signing key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JwksKey {
    /// An Ed25519 key, in base64url.
    Ed25519 {
        /// The identifier.
        kid: String,
        /// The public key.
        x: String,
    },
    /// An RSA key, in base64url.
    Rsa {
        /// The identifier.
        kid: String,
        /// The modulus.
        n: String,
        /// The exponent.
        e: String,
    },
}

/// Returns the key set.
#[must_use]
pub fn jwks_document(keys: &[JwksKey]) -> Value {
    let keys = keys.iter().map(|key| match key {
        JwksKey::Ed25519 { kid, x } => {
            json!({ "kid": kid, "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "x": x })
        }
        JwksKey::Rsa { kid, n, e } => json!({ "kid": kid, "kty": "RSA", "alg": "RS256", "use": "sig", "n": n, "e": e }),
    });
    json!({ "keys": keys.collect::<Vec<_>>() })
}

/// When a key signs. It is published one token lifetime earlier and as long after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySchedule {
    /// The time at which it begins to sign.
    pub signs_from: Timestamp,
    /// The time at which it stops; `None` for the newest key.
    pub signs_until: Option<Timestamp>,
}

/// The use of a key at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// It is not published.
    Hidden,
    /// It is published and does not sign.
    Published,
    /// It is published and signs.
    Signing,
}

impl KeySchedule {
    /// Returns the schedule of a key that is made at `now`; it signs when every cache of the key set has it.
    #[must_use]
    pub fn next(now: Timestamp, lifetime: Duration) -> Self {
        Self { signs_from: now + lifetime, signs_until: None }
    }

    /// Returns what the key is used for. `lifetime` is that of the tokens it signs.
    #[must_use]
    pub fn at(&self, now: Timestamp, lifetime: Duration) -> KeyUse {
        let is_over = |extra| self.signs_until.is_some_and(|end| now >= end + extra);
        if now + lifetime < self.signs_from || is_over(lifetime) {
            KeyUse::Hidden
        } else if now < self.signs_from || is_over(Duration::ZERO) {
            KeyUse::Published
        } else {
            KeyUse::Signing
        }
    }
}
