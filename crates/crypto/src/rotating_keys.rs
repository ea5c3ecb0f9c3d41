//! Token keys that can be replaced while tokens are issued and verified.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Instant,
};

use auth::{Claims, Keyring, MAX_KEYS_AGE, StaleKeys, TokenError, TokenSigner, TokenVerifier};
use kernel::Timestamp;

use crate::{
    master_key::MasterKey, signing_key::SigningKeyError, token::TokenKeys, verified_token_cache::CachedVerifier,
};

/// Signs and verifies with the keys of the installation as they were last read, for [`MAX_KEYS_AGE`] after that. The
/// age is measured with the monotonic clock: if a wall clock was set back, a retired key would become valid again.
pub struct RotatingKeys {
    master: MasterKey,
    issuer: String,
    /// The number of verified tokens to cache.
    capacity: usize,
    current: RwLock<Arc<CurrentKeys>>,
}

/// The keys as they were last read.
#[derive(Clone)]
struct CurrentKeys {
    ids: Vec<String>,
    signing: Option<String>,
    keys: Arc<TokenKeys>,
    /// Caches the tokens of these keys only, so that the cached tokens of a removed key are dropped with it.
    verifier: Arc<CachedVerifier>,
    fresh_until: Instant,
}

impl RotatingKeys {
    /// Creates a signer and verifier with the keys that were requested at `requested_at`, and a cache of about
    /// `capacity` verified tokens.
    ///
    /// # Errors
    /// [`SigningKeyError`].
    pub fn open(
        master: MasterKey,
        keyring: &Keyring,
        requested_at: Instant,
        issuer: &str,
        capacity: usize,
    ) -> Result<Self, SigningKeyError> {
        let present = CurrentKeys::open(&master, keyring, requested_at, issuer, capacity)?;
        Ok(Self { master, issuer: issuer.to_owned(), capacity, current: RwLock::new(Arc::new(present)) })
    }

    /// Replaces the keys with those that were requested at `requested_at`.
    ///
    /// # Errors
    /// [`SigningKeyError`]; the previous keys stay in use until they are too old.
    pub fn load(&self, keyring: &Keyring, requested_at: Instant) -> Result<(), SigningKeyError> {
        let before = self.current();
        let next = if before.matches(keyring) {
            CurrentKeys { fresh_until: requested_at + MAX_KEYS_AGE, ..CurrentKeys::clone(&before) }
        } else {
            CurrentKeys::open(&self.master, keyring, requested_at, &self.issuer, self.capacity)?
        };
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        Ok(())
    }

    /// Checks that the keys were read recently enough to be used.
    ///
    /// # Errors
    /// [`StaleKeys`].
    pub fn check_fresh(&self) -> Result<(), StaleKeys> {
        self.fresh().map(drop)
    }

    fn current(&self) -> Arc<CurrentKeys> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The current keys, if they were read recently enough.
    fn fresh(&self) -> Result<Arc<CurrentKeys>, StaleKeys> {
        let present = self.current();
        if Instant::now() < present.fresh_until { Ok(present) } else { Err(StaleKeys) }
    }
}

impl CurrentKeys {
    fn open(
        master: &MasterKey,
        keyring: &Keyring,
        requested_at: Instant,
        issuer: &str,
        capacity: usize,
    ) -> Result<Self, SigningKeyError> {
        let keys = Arc::new(TokenKeys::open(master, keyring, issuer)?);
        let verifier = Arc::new(CachedVerifier::new(Arc::clone(&keys) as _, capacity));
        let fresh_until = requested_at + MAX_KEYS_AGE;
        Ok(Self {
            ids: ids(keyring).map(str::to_owned).collect(),
            signing: signing(keyring).map(str::to_owned),
            keys,
            verifier,
            fresh_until,
        })
    }

    /// Returns whether these are the same keys, in the same stages.
    fn matches(&self, keyring: &Keyring) -> bool {
        self.signing.as_deref() == signing(keyring) && ids(keyring).eq(self.ids.iter().map(String::as_str))
    }
}

fn ids(keyring: &Keyring) -> impl Iterator<Item = &str> {
    keyring.keys().iter().map(|key| key.key.id.as_str())
}

fn signing(keyring: &Keyring) -> Option<&str> {
    keyring.signing().map(|key| key.key.id.as_str())
}

impl TokenSigner for RotatingKeys {
    fn sign(&self, claims: &Claims) -> Result<String, StaleKeys> {
        self.fresh()?.keys.sign(claims)
    }
}

impl TokenVerifier for RotatingKeys {
    fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        self.fresh()?.verifier.verify(token, now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use auth::{EncryptedSigningKey, PublishedKey};
    use kernel::{Id, Organization};
    use scopes::ScopeSet;
    use ulid::Ulid;

    use super::*;
    use crate::{
        fixtures::{ConstantEntropy, master_key},
        signing_key::generate_signing_key,
    };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn encrypted_key(byte: u8) -> EncryptedSigningKey {
        generate_signing_key(&master_key(1), &ConstantEntropy(byte), at(i64::from(byte)))
    }

    /// A keyring of these keys, with the seconds from which on they sign, read at second `now`.
    fn keyring(now: i64, keys: &[(u8, i64)]) -> Keyring {
        let published = |(byte, from): &(u8, i64)| PublishedKey { key: encrypted_key(*byte), signs_from: at(*from) };
        Keyring::new(at(now), keys.iter().map(published).collect())
    }

    fn server(keyring: &Keyring) -> RotatingKeys {
        RotatingKeys::open(master_key(1), keyring, Instant::now(), "novantra", 100).unwrap()
    }

    fn claims() -> Claims {
        Claims {
            account: Id::new(Ulid::from(7)),
            organization: Id::<Organization>::new(Ulid::from(8)),
            scopes: ScopeSet::EMPTY,
            issued_at: at(0),
            expires_at: at(900),
            id: "token".to_owned(),
        }
    }

    #[test]
    fn no_token_is_refused_while_two_servers_load_a_rotation_at_different_times() {
        let steps = [(0, &[(1, 0)][..]), (10, &[(1, 0), (2, 40)]), (39, &[(1, 0), (2, 40)]), (40, &[(1, 0), (2, 40)])];
        let (early, late) = (server(&keyring(0, &[(1, 0)])), server(&keyring(0, &[(1, 0)])));
        let mut tokens = Vec::new();
        let delayed = std::iter::once(steps[0]).chain(steps);
        for ((now, keys), (before, keys_before)) in steps.into_iter().zip(delayed) {
            early.load(&keyring(now, keys), Instant::now()).unwrap();
            late.load(&keyring(before, keys_before), Instant::now()).unwrap();
            tokens.extend([early.sign(&claims()).unwrap(), late.sign(&claims()).unwrap()]);
            for token in &tokens {
                assert_eq!(early.verify(token, at(now)), Ok(claims()), "at second {now}");
                assert_eq!(late.verify(token, at(now)), Ok(claims()), "at second {now}");
            }
        }
        tokens.dedup();
        assert_eq!(tokens.len(), 3, "both keys have signed: {tokens:?}");
    }

    #[test]
    fn a_verified_token_is_refused_once_its_key_is_removed() {
        let server = server(&keyring(50, &[(1, 0), (2, 40)]));
        let token = self::server(&keyring(0, &[(1, 0)])).sign(&claims()).unwrap();
        assert_eq!(server.verify(&token, at(50)), Ok(claims()));
        server.load(&keyring(51, &[(2, 40)]), Instant::now()).unwrap();
        assert_eq!(server.verify(&token, at(51)), Err(TokenError::UnknownKey));
    }

    #[test]
    fn keys_that_were_not_read_recently_neither_sign_nor_verify() {
        let server = server(&keyring(0, &[(1, 0)]));
        let token = server.sign(&claims()).unwrap();
        let long_ago = Instant::now().checked_sub(MAX_KEYS_AGE).unwrap();
        server.load(&keyring(0, &[(1, 0)]), long_ago).unwrap();
        assert_eq!(server.sign(&claims()), Err(StaleKeys));
        assert_eq!(server.verify(&token, at(0)), Err(TokenError::Stale(StaleKeys)));
        server.load(&keyring(0, &[(1, 0)]), long_ago + Duration::from_secs(5)).unwrap();
        assert_eq!(server.verify(&token, at(0)), Ok(claims()));
    }

    #[test]
    fn keys_that_cannot_be_decrypted_do_not_replace_the_previous_ones() {
        let server = server(&keyring(0, &[(1, 0)]));
        let altered = EncryptedSigningKey { ciphertext: vec![1], ..encrypted_key(2) };
        let broken = Keyring::new(at(0), vec![PublishedKey { key: altered, signs_from: at(0) }]);
        assert!(matches!(server.load(&broken, Instant::now()), Err(SigningKeyError::DecryptionFailed { .. })));
        assert!(matches!(server.load(&keyring(0, &[]), Instant::now()), Err(SigningKeyError::NoKey)));
        let token = server.sign(&claims()).unwrap();
        assert_eq!(server.verify(&token, at(0)), Ok(claims()));
    }
}
