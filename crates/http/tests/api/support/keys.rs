//! Stand-ins for cryptography, fast and readable: what is tested here is what the API makes of its ports.

use api::CursorSeal;
use auth::{Claims, ClientSecret, SecretHash, SecretHasher, TokenError, TokenSigner, TokenVerifier};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Hashes, signs and seals with a SHA-256 over a word.
pub(crate) struct Keys;

fn digest(word: &str, bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::new().chain_update(word).chain_update(bytes).finalize())
}

fn signed(word: &str, bytes: &[u8]) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(bytes), digest(word, bytes))
}

fn opened(word: &str, text: &str) -> Option<Vec<u8>> {
    let (payload, signature) = text.split_once('.')?;
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    (digest(word, &payload) == signature).then_some(payload)
}

impl SecretHasher for Keys {
    fn hash(&self, secret: &ClientSecret) -> SecretHash {
        SecretHash::new(digest("secret", secret.expose().as_bytes()))
    }

    fn verify(&self, secret: &ClientSecret, hash: &SecretHash) -> bool {
        self.hash(secret) == *hash
    }
}

impl TokenSigner for Keys {
    fn sign(&self, claims: &Claims) -> String {
        let payload = json!({
            "sub": claims.account.to_string(),
            "org": claims.organization.to_string(),
            "scope": claims.scopes.to_string(),
            "iat": claims.issued_at.millis(),
            "exp": claims.expires_at.millis(),
            "jti": claims.id,
        });
        signed("token", payload.to_string().as_bytes())
    }
}

impl TokenVerifier for Keys {
    fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        let payload = opened("token", token).ok_or(TokenError::Invalid)?;
        let payload: Value = serde_json::from_slice(&payload).map_err(|_| TokenError::Invalid)?;
        let text = |name: &str| payload[name].as_str().unwrap_or_default();
        let moment = |name: &str| Timestamp::from_millis(payload[name].as_i64().unwrap_or_default());
        let claims = Claims {
            account: text("sub").parse().map_err(|_| TokenError::Invalid)?,
            organization: text("org").parse().map_err(|_| TokenError::Invalid)?,
            scopes: text("scope").parse().map_err(|_| TokenError::Invalid)?,
            issued_at: moment("iat"),
            expires_at: moment("exp"),
            id: text("jti").to_owned(),
        };
        if now < claims.expires_at { Ok(claims) } else { Err(TokenError::Expired(Box::new(claims))) }
    }
}

impl CursorSeal for Keys {
    fn seal(&self, payload: &[u8]) -> String {
        signed("cursor", payload)
    }

    fn open(&self, cursor: &str) -> Option<Vec<u8>> {
        opened("cursor", cursor)
    }
}
