//! Access tokens: JWTs by RFC 9068, signed with Ed25519.

use std::borrow::Cow;

use auth::{Claims, KeyStage, Keyring, StaleKeys, TokenError, TokenSigner, TokenVerifier};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use kernel::Timestamp;
use scopes::{Scope, ScopeSet};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::{
    encryptor::Encryptor,
    master_key::MasterKey,
    signing_key::{SigningKey, SigningKeyError, TOKEN_TYPE},
};

#[cfg(test)]
mod tests;

/// The audience of the tokens: only the API of this program, not others that might trust the same keys.
pub const AUDIENCE: &str = "novantra";

/// The maximum length of a token in bytes, which no issued token reaches.
const MAX_LENGTH: usize = 4096;

/// Signs tokens with the signing key of an installation, and verifies them with each of its keys.
pub struct TokenKeys {
    keys: Vec<SigningKey>,
    /// The index of the signing key.
    signing: usize,
    issuer: String,
    validation: Validation,
}

impl TokenKeys {
    /// Decrypts the installation's keys, for tokens of this issuer.
    ///
    /// # Errors
    /// [`SigningKeyError`].
    pub fn open(master: &MasterKey, keyring: &Keyring, issuer: &str) -> Result<Self, SigningKeyError> {
        let encryptor = Encryptor::new(master);
        let signing = keyring.stages().position(|(_, stage)| stage == KeyStage::Signing);
        let signing = signing.ok_or(SigningKeyError::NoKey)?;
        let keys = keyring.keys().iter().map(|key| SigningKey::decrypt(&encryptor, &key.key));
        let keys = keys.collect::<Result<_, _>>()?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        // The library would use the system time; here the caller passes the time.
        validation.validate_exp = false;
        Ok(Self { keys, signing, issuer: issuer.to_owned(), validation })
    }

    fn decode_claims(&self, token: &str) -> Result<Claims, TokenError> {
        let key = self.key_for(token)?;
        let decoded = decode::<Payload>(token, &key.public, &self.validation).map_err(|_| TokenError::Invalid)?;
        decoded.claims.into_claims().ok_or(TokenError::Invalid)
    }

    /// Returns the key that the token's header names.
    fn key_for(&self, token: &str) -> Result<&SigningKey, TokenError> {
        if token.len() > MAX_LENGTH {
            return Err(TokenError::Invalid);
        }
        let header = decode_header(token).map_err(|_| TokenError::Invalid)?;
        let has_type = |name: &&str| header.typ.as_deref().is_some_and(|typ| typ.eq_ignore_ascii_case(name));
        let is_access_token = [TOKEN_TYPE, "application/at+jwt"].iter().any(has_type);
        if !is_access_token || header.alg != Algorithm::EdDSA || header.crit.is_some() {
            return Err(TokenError::Invalid);
        }
        let id = header.kid.ok_or(TokenError::Invalid)?;
        self.keys.iter().find(|key| key.id == id).ok_or(match Ulid::from_string(&id) {
            Ok(_) => TokenError::UnknownKey,
            Err(_) => TokenError::Invalid,
        })
    }
}

impl TokenSigner for TokenKeys {
    fn sign(&self, claims: &Claims) -> Result<String, StaleKeys> {
        // The token is composed here, since the library parses the private key for every signature, which costs twice
        // as much as the signature itself.
        let key = &self.keys[self.signing];
        let payload = serde_json::to_vec(&Payload::new(claims, &self.issuer)).expect("claims are serializable");
        let message = format!("{}.{}", key.header, URL_SAFE_NO_PAD.encode(payload));
        let signature = URL_SAFE_NO_PAD.encode(key.pair.sign(message.as_bytes()));
        Ok(format!("{message}.{signature}"))
    }
}

impl TokenVerifier for TokenKeys {
    fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        let claims = self.decode_claims(token)?;
        if claims.is_live_at(now) { Ok(claims) } else { Err(TokenError::Expired(Box::new(claims))) }
    }
}

/// The claims of a token (RFC 9068 § 2.2). Every member is required.
#[derive(Serialize, Deserialize)]
struct Payload<'key> {
    iss: Cow<'key, str>,
    aud: Cow<'key, str>,
    sub: String,
    client_id: String,
    org: String,
    scope: String,
    iat: i64,
    exp: i64,
    jti: String,
}

impl<'key> Payload<'key> {
    fn new(claims: &Claims, issuer: &'key str) -> Self {
        let account = claims.account.to_string();
        Self {
            iss: Cow::Borrowed(issuer),
            aud: Cow::Borrowed(AUDIENCE),
            sub: account.clone(),
            client_id: account,
            org: claims.organization.to_string(),
            scope: claims.scopes.to_string(),
            iat: claims.issued_at.seconds(),
            exp: claims.expires_at.seconds(),
            jti: claims.id.clone(),
        }
    }

    fn into_claims(self) -> Option<Claims> {
        let from_seconds = |seconds: i64| Timestamp::from_millis(seconds.saturating_mul(1000));
        (self.sub == self.client_id).then_some(())?;
        Some(Claims {
            account: self.sub.parse().ok()?,
            organization: self.org.parse().ok()?,
            scopes: supported_scopes(&self.scope),
            issued_at: from_seconds(self.iat),
            expires_at: from_seconds(self.exp),
            id: self.jti,
        })
    }
}

/// Parses the scopes of a token. A scope that only a newer version of this program defines, which can occur during an
/// upgrade, grants nothing.
fn supported_scopes(scopes: &str) -> ScopeSet {
    scopes.split(' ').filter_map(|scope| scope.parse::<Scope>().ok()).collect()
}
