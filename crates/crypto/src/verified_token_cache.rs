//! A cache of verified tokens: the verification of a signature costs forty times as much as a look-up.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use auth::{Claims, TokenError, TokenVerifier};
use aws_lc_rs::digest::{SHA256, digest};
use kernel::Timestamp;

const SHARDS: usize = 16;

/// A verifier that caches valid tokens by their SHA-256 until they expire. The cache is bounded.
///
/// The issuer and the expiry of a token never change. Whether its account is still active must be checked for each
/// call; this is not done here. A change of the keys requires a new cache: see [`crate::RotatingKeys`].
pub struct CachedVerifier {
    verifier: Arc<dyn TokenVerifier>,
    shards: [Mutex<Shard>; SHARDS],
}

struct Shard {
    capacity: usize,
    verified: HashMap<[u8; 32], Claims>,
    swept_at: Option<i64>,
}

impl CachedVerifier {
    /// Creates a cache of about `capacity` tokens, of about 250 bytes each.
    #[must_use]
    pub fn new(verifier: Arc<dyn TokenVerifier>, capacity: usize) -> Self {
        let capacity = capacity.div_ceil(SHARDS).max(1);
        let shard = || Mutex::new(Shard { capacity, verified: HashMap::new(), swept_at: None });
        Self { verifier, shards: std::array::from_fn(|_| shard()) }
    }

    fn shard(&self, key: &[u8; 32]) -> MutexGuard<'_, Shard> {
        self.shards[usize::from(key[0]) % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TokenVerifier for CachedVerifier {
    fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        let mut key = [0; 32];
        key.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        let cached = self.shard(&key).get(&key, now);
        if let Some(claims) = cached {
            return Ok(claims);
        }
        let claims = self.verifier.verify(token, now)?;
        self.shard(&key).insert(key, claims.clone(), now);
        Ok(claims)
    }
}

impl Shard {
    fn get(&self, key: &[u8; 32], now: Timestamp) -> Option<Claims> {
        self.verified.get(key).filter(|claims| claims.is_live_at(now)).cloned()
    }

    fn insert(&mut self, key: [u8; 32], claims: Claims, now: Timestamp) {
        // Expired tokens are removed at most once a second, so that a full cache is not scanned for each new token.
        if self.verified.len() >= self.capacity && self.swept_at != Some(now.seconds()) {
            self.swept_at = Some(now.seconds());
            self.verified.retain(|_, claims| claims.is_live_at(now));
        }
        if self.verified.len() >= self.capacity {
            let any = self.verified.keys().next().copied();
            any.and_then(|any| self.verified.remove(&any));
        }
        self.verified.insert(key, claims);
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Id, Organization};
    use mockall::mock;
    use scopes::ScopeSet;
    use ulid::Ulid;

    use super::*;

    mock! {
        Verifier {}

        impl TokenVerifier for Verifier {
            fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError>;
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    /// Accepts `token-N`, which expires after N seconds.
    fn verify(token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        let seconds: i64 = token.strip_prefix("token-").and_then(|end| end.parse().ok()).ok_or(TokenError::Invalid)?;
        let claims = Claims {
            account: Id::new(Ulid::nil()),
            organization: Id::<Organization>::new(Ulid::nil()),
            scopes: ScopeSet::EMPTY,
            issued_at: at(0),
            expires_at: at(seconds),
            id: token.to_owned(),
        };
        if claims.is_live_at(now) { Ok(claims) } else { Err(TokenError::Expired(Box::new(claims))) }
    }

    /// A cache over a verifier that must be called exactly this often until the cache is dropped.
    fn cached(capacity: usize, verifications: usize) -> CachedVerifier {
        let mut verifier = MockVerifier::new();
        verifier.expect_verify().times(verifications).returning(verify);
        CachedVerifier::new(Arc::new(verifier), capacity)
    }

    #[test]
    fn a_valid_token_is_verified_once_and_never_accepted_after_its_expiry() {
        let cached = cached(100, 3);
        for now in [0, 5, 9] {
            assert_eq!(cached.verify("token-10", at(now)).unwrap().id, "token-10");
        }
        for now in [10, 11] {
            assert!(matches!(cached.verify("token-10", at(now)), Err(TokenError::Expired(_))));
        }
    }

    #[test]
    fn a_cached_token_is_refused_after_the_clock_was_set_back_before_its_issue() {
        let cached = cached(100, 2);
        cached.verify("token-10", at(0)).unwrap();
        assert!(matches!(cached.verify("token-10", at(-7200)), Err(TokenError::Expired(_))));
    }

    #[test]
    fn an_invalid_token_is_never_cached() {
        let cached = cached(100, 3);
        for _ in 0..3 {
            assert_eq!(cached.verify("nonsense", at(0)), Err(TokenError::Invalid));
        }
        assert!(cached.shards.iter().all(|shard| shard.lock().unwrap().verified.is_empty()));
    }

    #[test]
    fn the_cache_is_bounded_and_expired_tokens_are_evicted_first() {
        let cached = cached(SHARDS * 4, 1020);
        for token in 1..=1000 {
            cached.verify(&format!("token-{token}"), at(0)).unwrap();
        }
        let count = || cached.shards.iter().map(|shard| shard.lock().unwrap().verified.len()).sum::<usize>();
        assert_eq!(count(), SHARDS * 4);
        for token in 2001..=2020 {
            cached.verify(&format!("token-{token}"), at(1500)).unwrap();
        }
        assert!(count() <= SHARDS * 4);
        cached.verify("token-2020", at(1501)).unwrap();
    }
}
