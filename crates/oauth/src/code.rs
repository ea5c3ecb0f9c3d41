//! Authorization codes: 256 bits, short-lived, for one use.

use std::time::Duration;

use auth::{SessionId, TokenHash, UserId};
use kernel::{Entropy, OrganizationId, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use crate::{
    client::{ClientId, OAuthClient},
    grant::GrantId,
    pkce::{CodeChallenge, CodeVerifier},
    scope_names::ScopeNames,
    secret_text,
};

/// The time in which a code can be used.
pub const CODE_LIFETIME: Duration = Duration::from_secs(60);
const PREFIX: &str = "nsc_";

/// A well-formed code. Its `Debug` output is redacted.
#[derive(Clone, Debug)]
pub struct AuthorizationCode(SecretString);

/// A code as it is stored, with all that it is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCode {
    /// The hash of the code.
    pub hash: TokenHash,
    /// The grant that the code begins when it is used, and that a second use ends.
    pub grant: GrantId,
    /// The organization.
    pub organization: OrganizationId,
    /// The person.
    pub user: UserId,
    /// The person's session, for `sid`.
    pub session: SessionId,
    /// The client.
    pub client: ClientId,
    /// The redirect URI, as requested.
    pub redirect_uri: String,
    /// The challenge of PKCE.
    pub challenge: CodeChallenge,
    /// The granted scopes.
    pub scopes: ScopeNames,
    /// The nonce.
    pub nonce: Option<String>,
    /// The time at which the person proved who they are.
    pub authenticated_at: Timestamp,
    /// The end of the code.
    pub expires_at: Timestamp,
    /// The time of the first use.
    pub used_at: Option<Timestamp>,
}

/// The reason that a code is refused. Clients get `invalid_grant` for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeFault {
    /// The code was used before: its grant must end.
    #[error("the code was used before")]
    Reused,
    /// The code has expired.
    #[error("the code has expired")]
    Expired,
    /// The code is another client's.
    #[error("the code is another client's")]
    OtherClient,
    /// The redirect URI is not that of the authorization request.
    #[error("the redirect URI differs")]
    OtherRedirectUri,
    /// The verifier does not belong to the challenge.
    #[error("the verifier is wrong")]
    WrongVerifier,
}

impl AuthorizationCode {
    /// Generates a code.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(SecretString::from(secret_text::generate(PREFIX, entropy)))
    }

    /// Parses a code; `None` if it is malformed, which costs no look-up.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        secret_text::is_well_formed(PREFIX, text).then(|| Self(SecretString::from(text)))
    }

    /// The code in clear text, for the redirect.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The hash to look the code up by.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.expose()).into())
    }
}

impl StoredCode {
    /// Returns whether this client can use the code now.
    ///
    /// # Errors
    /// The first fault; a second use before all others, since it ends the grant whoever tries it.
    pub fn check(
        &self,
        client: &OAuthClient,
        redirect_uri: &str,
        verifier: &CodeVerifier,
        now: Timestamp,
    ) -> Result<(), CodeFault> {
        let faults = [
            (self.used_at.is_some(), CodeFault::Reused),
            (now >= self.expires_at, CodeFault::Expired),
            (self.client != client.id, CodeFault::OtherClient),
            (self.redirect_uri != redirect_uri, CodeFault::OtherRedirectUri),
            (!self.challenge.matches(verifier), CodeFault::WrongVerifier),
        ];
        faults.into_iter().find(|(is_fault, _)| *is_fault).map_or(Ok(()), |(_, fault)| Err(fault))
    }
}
