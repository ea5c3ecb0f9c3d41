//! Checking a client id and secret so that a stranger learns nothing from the answer or the time it takes.

use kernel::Timestamp;

use crate::{
    account::Account,
    ports::SecretHasher,
    secret::{ClientSecret, HASH_OF_NO_SECRET, SecretHash},
};

/// What became of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialCheck {
    /// The secret is one of the account's live ones, and the account may call.
    Good,
    /// Unknown account, wrong or ended secret, disabled or expired account: all alike.
    Bad,
}

/// Checks `secret` against the account, or against nothing at the same cost: the two secrets of an account within a
/// rotation's grace share a salt, so one hash is computed for every call.
#[must_use]
pub fn check_credentials(
    hasher: &dyn SecretHasher,
    account: Option<&Account>,
    secret: &ClientSecret,
    now: Timestamp,
) -> CredentialCheck {
    let none = SecretHash::new(HASH_OF_NO_SECRET);
    let mut hashes: Vec<&SecretHash> =
        account.into_iter().flat_map(|account| account.record.live_secrets(now)).collect();
    if hashes.is_empty() {
        hashes.push(&none);
    }
    let right = hasher.verify(secret, &hashes);
    if right && account.is_some_and(|account| account.record.stands(now)) {
        CredentialCheck::Good
    } else {
        CredentialCheck::Bad
    }
}
