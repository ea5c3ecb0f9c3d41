//! The checks of an ID token whose signature was verified (OpenID Connect Core, section 3.1.3.7).

use std::time::Duration;

use kernel::Timestamp;

use crate::external_identity::ExternalIdentity;

/// The claims of an ID token that are checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdTokenClaims {
    /// `iss`.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
    /// `aud`.
    pub audiences: Vec<String>,
    /// `azp`.
    pub authorized_party: Option<String>,
    /// `exp`.
    pub expires_at: Timestamp,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `nbf`.
    pub not_before: Option<Timestamp>,
    /// `nonce`.
    pub nonce: Option<String>,
    /// `auth_time`.
    pub authenticated_at: Option<Timestamp>,
}

/// The values that an ID token must have.
#[derive(Clone, Copy, Debug)]
pub struct IdTokenExpectation<'a> {
    /// The issuer in the settings.
    pub issuer: &'a str,
    /// The identifier of this installation at the provider.
    pub client_id: &'a str,
    /// The nonce of the sign-in.
    pub nonce: &'a str,
}

/// The reason that an ID token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenFault {
    /// It is no signed JWT that this program can read.
    #[error("it is not a signed JWT with the claims of an ID token")]
    Malformed,
    /// Its algorithm is not one of those with public keys.
    #[error("its signature algorithm is not allowed")]
    Algorithm,
    /// The provider publishes no key for it.
    #[error("the provider has not published the key of its signature")]
    UnknownKey,
    /// The signature does not fit.
    #[error("its signature is wrong")]
    Signature,
    /// `iss` differs.
    #[error("its issuer (iss) is another one")]
    Issuer,
    /// `aud` does not name this installation.
    #[error("its audience (aud) is another client")]
    Audience,
    /// `azp` names another client, or is missing where there are several audiences.
    #[error("its authorized party (azp) is another client")]
    AuthorizedParty,
    /// `sub` is empty, too long, or has control characters.
    #[error("its subject (sub) is empty or malformed")]
    Subject,
    /// `exp` has passed.
    #[error("it has expired (exp)")]
    Expired,
    /// `iat` lies in the future, or long ago.
    #[error("it was issued in the future or long ago (iat); compare the clocks")]
    IssuedAt,
    /// `nbf` lies in the future.
    #[error("it is not valid yet (nbf); compare the clocks")]
    NotYetValid,
    /// `nonce` is not that of the sign-in.
    #[error("its nonce is not that of this sign-in")]
    Nonce,
    /// `at_hash` does not fit the access token.
    #[error("its hash of the access token (at_hash) is wrong")]
    AccessTokenHash,
}

/// The time by which the clock of the provider may differ.
pub const MAX_CLOCK_SKEW: Duration = Duration::from_secs(60);

/// The maximum age of an ID token. It comes straight from the provider.
const MAX_AGE: Duration = Duration::from_secs(10 * 60);

impl IdTokenClaims {
    /// Checks the claims.
    ///
    /// # Errors
    /// The first [`IdTokenFault`].
    pub fn check(&self, expected: IdTokenExpectation<'_>, now: Timestamp) -> Result<(), IdTokenFault> {
        let is_ours = |client: &String| client == expected.client_id;
        let party = self.authorized_party.as_ref();
        let checks = [
            (self.issuer == expected.issuer, IdTokenFault::Issuer),
            (self.audiences.iter().any(is_ours), IdTokenFault::Audience),
            (party.is_none_or(is_ours), IdTokenFault::AuthorizedParty),
            (self.audiences.len() == 1 || party.is_some(), IdTokenFault::AuthorizedParty),
            (ExternalIdentity::is_subject(&self.subject), IdTokenFault::Subject),
            (self.nonce.as_deref() == Some(expected.nonce), IdTokenFault::Nonce),
            (now < self.expires_at + MAX_CLOCK_SKEW, IdTokenFault::Expired),
            (self.issued_at <= now + MAX_CLOCK_SKEW, IdTokenFault::IssuedAt),
            (now < self.issued_at + MAX_AGE, IdTokenFault::IssuedAt),
            (self.not_before.is_none_or(|at| at <= now + MAX_CLOCK_SKEW), IdTokenFault::NotYetValid),
        ];
        checks.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, fault)| Err(fault))
    }
}
