//! The claims and the lifetime of access tokens (RFC 9068).

use std::time::Duration;

use kernel::{OrganizationId, Timestamp};
use scopes::ScopeSet;

use crate::account::AccountId;

/// The claims of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The account that the token was issued to: `sub` and `client_id`.
    pub account: AccountId,
    /// The account's organization.
    pub organization: OrganizationId,
    /// The scopes of the token.
    pub scopes: ScopeSet,
    /// The time of issue, in whole seconds.
    pub issued_at: Timestamp,
    /// The expiry, in whole seconds.
    pub expires_at: Timestamp,
    /// The token's identifier: `jti`.
    pub id: String,
}

/// The time by which a token may have been issued ahead of the clock that it is checked with.
const MAX_ISSUE_LEAD: Duration = Duration::from_secs(60);

impl Claims {
    /// Returns whether the token is in its lifetime. One from the future is not: it was issued before the clock was
    /// set back, and would live longer than any token may.
    #[must_use]
    pub fn is_live_at(&self, now: Timestamp) -> bool {
        now < self.expires_at && self.issued_at <= now + MAX_ISSUE_LEAD
    }
}

/// The reason that a token is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The token was not issued by this installation, or was altered.
    #[error("the access token is not valid")]
    Invalid,
    /// The token names a key that this server has not loaded. If the key was just published,
    /// [`crate::TokenVerifier::refresh_keys`] loads it.
    #[error("the access token names an unknown signing key")]
    UnknownKey,
    /// The server's keys are too old to verify tokens with.
    #[error(transparent)]
    Stale(#[from] StaleKeys),
    /// The token is authentic but has expired, or was issued before the clock was set back.
    #[error("the access token has expired")]
    Expired(Box<Claims>),
}

/// The installation's signing keys were not read for [`crate::MAX_KEYS_AGE`], so one may have been retired since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signing keys were last read too long ago")]
pub struct StaleKeys;

/// The lifetime of a token: 60 to 3600 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenLifetime(Duration);

impl TokenLifetime {
    /// The minimum lifetime.
    pub const MIN: Duration = Duration::from_secs(60);
    /// The maximum lifetime.
    pub const MAX: Duration = Duration::from_secs(3600);

    /// Creates a lifetime; `None` if it is out of range.
    #[must_use]
    pub fn new(lifetime: Duration) -> Option<Self> {
        (Self::MIN..=Self::MAX).contains(&lifetime).then_some(Self(lifetime))
    }

    /// Returns the expiry of a token that is issued `now`, which is never later than the account's own expiry.
    #[must_use]
    pub fn expiry(self, now: Timestamp, account_expiry: Option<Timestamp>) -> Timestamp {
        let end = now + self.0;
        account_expiry.map_or(end, |expiry| end.min(expiry))
    }
}

impl Default for TokenLifetime {
    fn default() -> Self {
        Self(Duration::from_secs(900))
    }
}
