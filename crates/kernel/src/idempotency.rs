//! Idempotency records: the responses to writes, stored so that a repeated request gets the same one (contract v1 § 4).

use std::time::Duration;

use bytes::Bytes;
use ulid::Ulid;

use crate::{organization::OrganizationId, timestamp::Timestamp};

/// An idempotency key with its scope: account, operation and concrete path (contract v1 § 4).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey {
    /// The organization of the account.
    pub organization: OrganizationId,
    /// The account.
    pub account: Ulid,
    /// The operation: HTTP method and concrete path.
    pub operation: String,
    /// The key chosen by the client.
    pub key: String,
}

/// The SHA-256 hash of everything that two requests with one key must have in common to count as the same request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

/// A response that is stored for replay. Opaque to the domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredResponse {
    /// The HTTP status.
    pub status: u16,
    /// The headers that are replayed with the body.
    pub headers: Vec<(String, String)>,
    /// The exact bytes of the body.
    pub body: Bytes,
}

/// The idempotency record of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// The key with its scope.
    pub key: IdempotencyKey,
    /// The fingerprint of the request.
    pub fingerprint: Fingerprint,
    /// The response, for the first request and every replay.
    pub response: StoredResponse,
    /// The time until which the record is stored.
    pub expires_at: Timestamp,
}

/// The claim of an idempotency key by a request that has an effect outside the store before its commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyClaim {
    /// The key with its scope.
    pub key: IdempotencyKey,
    /// The fingerprint of the request.
    pub fingerprint: Fingerprint,
    /// The identifier of the effect. Every attempt of the request has the same one, so that who receives the effect twice,
    /// because a server was killed in between, recognizes it.
    pub effect: Ulid,
    /// The time until which no other request may have the effect.
    pub held_until: Timestamp,
    /// The time until which the identifier of the effect is stored.
    pub expires_at: Timestamp,
}

impl KeyClaim {
    /// The longest time for which a claim is held. One that is held for longer was made while the clock was ahead.
    pub const MAX_HELD: Duration = Duration::from_secs(600);

    /// Whether a claim until `held_until` is in force at `now`.
    #[must_use]
    pub fn is_held(held_until: Timestamp, now: Timestamp) -> bool {
        now < held_until && held_until.since(now) <= Self::MAX_HELD
    }
}

/// The outcome of claiming an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// The key is claimed. The effect has this identifier: that of the first claim by the same request.
    Claimed(Ulid),
    /// Another request holds the claim.
    HeldByAnother,
    /// A request with another fingerprint holds the claim.
    KeyReused,
}
