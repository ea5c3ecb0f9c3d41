//! Access tokens: JWTs as RFC 9068 has them, signed with Ed25519.

use std::borrow::Cow;

use auth::{Claims, KeyStage, Keyring, StaleKeys, TokenError, TokenSigner, TokenVerifier};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use kernel::Timestamp;
use scopes::{Scope, ScopeSet};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::{
    master_key::MasterKey,
    sealer::Sealer,
    signing_key::{SigningKey, SigningKeyError},
};

#[cfg(test)]
mod tests;

/// Whom tokens are for: this program's API, and no other that might trust the same keys one day.
pub const AUDIENCE: &str = "novantra";

/// RFC 9068 § 2.1. Media types are compared without regard to case, and `application/` may be left out (RFC 7515 § 4.1.9).
pub(crate) const TYPE: &str = "at+jwt";

/// Longer than any token that is issued here.
const LONGEST: usize = 4096;

/// Signs tokens with the key of an installation that signs, and verifies them with each.
pub struct TokenKeys {
    keys: Vec<SigningKey>,
    /// The place of the one that signs.
    signing: usize,
    issuer: String,
    validation: Validation,
}

impl TokenKeys {
    /// The installation's keys as its store keeps them, for tokens of this issuer.
    ///
    /// # Errors
    /// [`SigningKeyError`].
    pub fn open(master: &MasterKey, ring: &Keyring, issuer: &str) -> Result<Self, SigningKeyError> {
        let sealer = Sealer::new(master);
        let signing = ring.stages().position(|(_, stage)| stage == KeyStage::Signing).ok_or(SigningKeyError::None)?;
        let keys = ring.keys().iter().map(|key| SigningKey::open(&sealer, &key.sealed)).collect::<Result<_, _>>()?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        // The library asks the system for the time; here it comes in.
        validation.validate_exp = false;
        Ok(Self { keys, signing, issuer: issuer.to_owned(), validation })
    }

    fn read(&self, token: &str) -> Result<Claims, TokenError> {
        let key = self.key_of(token)?;
        let decoded = decode::<Payload>(token, &key.public, &self.validation).map_err(|_| TokenError::Invalid)?;
        decoded.claims.claims().ok_or(TokenError::Invalid)
    }

    /// The key that the token's header names.
    fn key_of(&self, token: &str) -> Result<&SigningKey, TokenError> {
        if token.len() > LONGEST {
            return Err(TokenError::Invalid);
        }
        let header = decode_header(token).map_err(|_| TokenError::Invalid)?;
        let named = |known: &&str| header.typ.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case(known));
        let is_access_token = [TYPE, "application/at+jwt"].iter().any(named);
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
        // Composed here, because the library opens the private key anew for every signature, which costs twice the signature.
        let key = &self.keys[self.signing];
        let payload = serde_json::to_vec(&Payload::new(claims, &self.issuer)).expect("claims are texts and numbers");
        let message = format!("{}.{}", key.header, URL_SAFE_NO_PAD.encode(payload));
        let signature = URL_SAFE_NO_PAD.encode(key.pair.sign(message.as_bytes()));
        Ok(format!("{message}.{signature}"))
    }
}

impl TokenVerifier for TokenKeys {
    fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        let claims = self.read(token)?;
        if now < claims.expires_at { Ok(claims) } else { Err(TokenError::Expired(Box::new(claims))) }
    }
}

/// RFC 9068 § 2.2. Every member is required.
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

    fn claims(self) -> Option<Claims> {
        let second = |seconds: i64| Timestamp::from_millis(seconds.saturating_mul(1000));
        (self.sub == self.client_id).then_some(())?;
        Some(Claims {
            account: self.sub.parse().ok()?,
            organization: self.org.parse().ok()?,
            scopes: known_scopes(&self.scope),
            issued_at: second(self.iat),
            expires_at: second(self.exp),
            id: self.jti,
        })
    }
}

/// A scope that only a newer version of this program knows, in the middle of an upgrade, grants nothing here.
fn known_scopes(scopes: &str) -> ScopeSet {
    scopes.split(' ').filter_map(|scope| scope.parse::<Scope>().ok()).collect()
}
