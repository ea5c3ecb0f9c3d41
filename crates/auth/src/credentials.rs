//! The check of a client id and secret, whose result and duration tell an attacker nothing about the account.

use kernel::Timestamp;

use crate::{
    account::Account,
    ports::SecretHasher,
    secret::{ClientSecret, DUMMY_HASH, SecretHash},
};

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialCheck {
    /// The secret is a valid one of the account, and the account is active.
    Valid,
    /// The account does not exist, is disabled or expired, or the secret is wrong or has ended; the cases are not
    /// distinguished.
    Invalid,
}

/// Checks `secret` against the secrets of the account. Without an account, a dummy hash is checked at the same cost.
/// The two secrets of an account during the grace period of a rotation share a salt, so every call computes one hash.
#[must_use]
pub fn check_credentials(
    hasher: &dyn SecretHasher,
    account: Option<&Account>,
    secret: &ClientSecret,
    now: Timestamp,
) -> CredentialCheck {
    let dummy = SecretHash::new(DUMMY_HASH);
    let mut hashes: Vec<&SecretHash> =
        account.into_iter().flat_map(|account| account.record.valid_secrets(now)).collect();
    if hashes.is_empty() {
        hashes.push(&dummy);
    }
    let matches = hasher.verify(secret, &hashes);
    if matches && account.is_some_and(|account| account.record.is_active_at(now)) {
        CredentialCheck::Valid
    } else {
        CredentialCheck::Invalid
    }
}
