//! Access tokens: JWTs as RFC 9068 has them, signed with Ed25519.

use std::borrow::Cow;

use auth::{Claims, SealedKey, TokenError, TokenSigner, TokenVerifier};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use kernel::Timestamp;
use scopes::{Scope, ScopeSet};
use serde::{Deserialize, Serialize};

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

/// Signs tokens with the newest key of an installation and verifies them with each.
pub struct TokenKeys {
    keys: Vec<SigningKey>,
    issuer: String,
    validation: Validation,
}

impl TokenKeys {
    /// The installation's keys as its store keeps them, for tokens of this issuer.
    ///
    /// # Errors
    /// [`SigningKeyError`].
    pub fn open(master: &MasterKey, sealed: &[SealedKey], issuer: &str) -> Result<Self, SigningKeyError> {
        let sealer = Sealer::new(master);
        let mut sealed: Vec<&SealedKey> = sealed.iter().collect();
        sealed.sort_by(|one, other| (other.created_at, &other.id).cmp(&(one.created_at, &one.id)));
        let keys = sealed.into_iter().map(|key| SigningKey::open(&sealer, key)).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err(SigningKeyError::None);
        }
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        // The library asks the system for the time; here it comes in.
        validation.validate_exp = false;
        Ok(Self { keys, issuer: issuer.to_owned(), validation })
    }

    fn read(&self, token: &str) -> Option<Claims> {
        if token.len() > LONGEST {
            return None;
        }
        let header = decode_header(token).ok()?;
        let kind = header.typ.as_deref()?;
        let is_access_token = [TYPE, "application/at+jwt"].iter().any(|known| kind.eq_ignore_ascii_case(known));
        if !is_access_token || header.crit.is_some() {
            return None;
        }
        let key = self.keys.iter().find(|key| header.kid.as_ref() == Some(&key.id))?;
        decode::<Payload>(token, &key.public, &self.validation).ok()?.claims.claims()
    }
}

impl TokenSigner for TokenKeys {
    fn sign(&self, claims: &Claims) -> String {
        // Composed here, because the library opens the private key anew for every signature, which costs twice the signature.
        let key = &self.keys[0];
        let payload = serde_json::to_vec(&Payload::new(claims, &self.issuer)).expect("claims are texts and numbers");
        let message = format!("{}.{}", key.header, URL_SAFE_NO_PAD.encode(payload));
        let signature = URL_SAFE_NO_PAD.encode(key.pair.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }
}

impl TokenVerifier for TokenKeys {
    fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        let claims = self.read(token).ok_or(TokenError::Invalid)?;
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
