//! A hasher that counts its calls.

use std::sync::atomic::{AtomicUsize, Ordering};

use auth::{PasswordCheck, PasswordHash, PasswordHasher};
use secrecy::{ExposeSecret as _, SecretString};

/// A hasher whose hashes are the passwords themselves.
#[derive(Default)]
pub(crate) struct CountingHasher {
    /// The number of passwords that were compared with a hash, or with none.
    pub(crate) verified: AtomicUsize,
    /// The number of passwords that were hashed to be stored.
    pub(crate) hashed: AtomicUsize,
}

impl CountingHasher {
    /// The number of hashes that were computed.
    pub(crate) fn calls(&self) -> usize {
        self.verified.load(Ordering::SeqCst) + self.hashed.load(Ordering::SeqCst)
    }
}

impl PasswordHasher for CountingHasher {
    fn hash(&self, password: &SecretString) -> PasswordHash {
        self.hashed.fetch_add(1, Ordering::SeqCst);
        PasswordHash::new(password.expose_secret())
    }

    fn verify(&self, password: &SecretString, hash: Option<&PasswordHash>) -> PasswordCheck {
        self.verified.fetch_add(1, Ordering::SeqCst);
        match hash {
            Some(hash) if hash.as_str() == password.expose_secret() => PasswordCheck::Right,
            _ => PasswordCheck::Wrong,
        }
    }
}
