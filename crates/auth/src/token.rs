//! Access tokens (RFC 9068) as the domain sees them: what they claim and when they are good.

use std::time::Duration;

use kernel::{OrganizationId, Timestamp};
use scopes::ScopeSet;

use crate::account::AccountId;

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The account it was issued to: `sub` and `client_id`.
    pub account: AccountId,
    /// The account's organization.
    pub organization: OrganizationId,
    /// What it was issued for.
    pub scopes: ScopeSet,
    /// When it was issued, to the second.
    pub issued_at: Timestamp,
    /// When it ends, to the second.
    pub expires_at: Timestamp,
    /// Names the token: `jti`.
    pub id: String,
}

/// Why a token is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It was not issued here, or was altered.
    #[error("the access token is not valid")]
    Invalid,
    /// It names a key that is not known here; one that was just published may be known after
    /// [`crate::TokenVerifier::catch_up`].
    #[error("the access token names a signing key that is not known")]
    UnknownKey,
    /// Which keys are good is not known any more.
    #[error(transparent)]
    Stale(#[from] StaleKeys),
    /// It was issued here and has ended. Whose it was is known.
    #[error("the access token has expired")]
    Expired(Box<Claims>),
}

/// The installation's signing keys were not read for [`crate::KEYS_GOOD_FOR`]: one may have been retired since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signing keys were not read for too long")]
pub struct StaleKeys;

/// How long a token lives: 60 to 3600 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenLifetime(Duration);

impl TokenLifetime {
    /// The longest there is.
    pub const LONGEST: Duration = Duration::from_secs(3600);

    /// The lifetime, if it is within bounds.
    #[must_use]
    pub fn new(lifetime: Duration) -> Option<Self> {
        (60..=Self::LONGEST.as_secs()).contains(&lifetime.as_secs()).then_some(Self(lifetime))
    }

    /// When a token issued `now` to an account that expires `account_expiry` ends: never past the account's own end.
    #[must_use]
    pub fn end(self, now: Timestamp, account_expiry: Option<Timestamp>) -> Timestamp {
        let end = now + self.0;
        account_expiry.map_or(end, |expiry| end.min(expiry))
    }
}

impl Default for TokenLifetime {
    fn default() -> Self {
        Self(Duration::from_secs(900))
    }
}
