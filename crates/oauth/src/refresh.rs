//! Refresh tokens: replaced at each use; the use of a replaced one ends the grant (RFC 9700 § 4.14).

use std::time::Duration;

use auth::TokenHash;
use kernel::{Entropy, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::secret_text;

/// The longest time of a grant with refresh tokens.
pub const REFRESH_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// The time without use after which a refresh token ends.
pub const REFRESH_IDLE: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// The time in which a client whose answer was lost may use the replaced token again.
pub const REFRESH_RETRY: Duration = Duration::from_secs(10);
const PREFIX: &str = "nsr_";

/// A well-formed refresh token. Its `Debug` output is redacted.
#[derive(Clone, Debug)]
pub struct RefreshToken(SecretString);

/// The refresh tokens of a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshState {
    /// The token that was issued last and never used.
    pub current: TokenHash,
    /// The token that the current one replaced.
    pub predecessor: Option<TokenHash>,
    /// The time of the predecessor's first use; of the first token, that of its issue.
    pub rotated_at: Timestamp,
}

/// The consequence of the use of a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshDecision {
    /// A new token is issued, and this becomes the state.
    Rotate(RefreshState),
    /// The token was replaced before: the grant must end.
    Reused,
    /// The token is expired, revoked, or another client's.
    Refused,
}

impl RefreshToken {
    /// Generates a token.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(SecretString::from(secret_text::generate(PREFIX, entropy)))
    }

    /// Parses a token; `None` if it is malformed, which costs no look-up.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        secret_text::is_well_formed(PREFIX, text).then(|| Self(SecretString::from(text)))
    }

    /// The token in clear text, for the one answer that contains it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The hash to look the token up by.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.expose()).into())
    }
}

impl RefreshState {
    /// The state after the first token was issued.
    #[must_use]
    pub fn first(token: &RefreshToken, now: Timestamp) -> Self {
        Self { current: token.hash(), predecessor: None, rotated_at: now }
    }

    /// Decides on the use of a token of the live grant that began at `created_at`. `successor` is the token that would
    /// be issued.
    pub(crate) fn decide(
        self,
        created_at: Timestamp,
        presented: TokenHash,
        successor: &RefreshToken,
        now: Timestamp,
    ) -> RefreshDecision {
        let is = |hash: TokenHash| bool::from(hash.0.ct_eq(&presented.0));
        let is_current = is(self.current);
        let is_retry = self.predecessor.is_some_and(is) && now < self.rotated_at + REFRESH_RETRY;
        if !is_current && !is_retry {
            return RefreshDecision::Reused;
        }
        if now >= created_at + REFRESH_LIFETIME || now >= self.rotated_at + REFRESH_IDLE {
            return RefreshDecision::Refused;
        }
        let current = successor.hash();
        // A retry does not begin the time for retries again: the first successor, whose answer was lost, is replaced.
        RefreshDecision::Rotate(if is_current {
            Self { current, predecessor: Some(presented), rotated_at: now }
        } else {
            Self { current, ..self }
        })
    }
}
