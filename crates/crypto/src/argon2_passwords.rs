//! Argon2id hashes of passwords, in PHC string format.

use std::sync::Arc;

use auth::{PasswordCheck, PasswordHash, PasswordHasher};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use kernel::Entropy;
use secrecy::{ExposeSecret, SecretString};

use crate::phc_hash::{Cost, PhcHash};

/// The parameters that OWASP recommends for Argon2id: 19 MiB and two passes.
const COST: Cost = Cost { memory: 19 * 1024, passes: 2, lanes: 1 };

/// Hashes passwords with Argon2id.
#[derive(Clone)]
pub struct Argon2PasswordHasher {
    entropy: Arc<dyn Entropy>,
    cost: Cost,
}

impl Argon2PasswordHasher {
    /// Creates a hasher with salts from this source.
    #[must_use]
    pub fn new(entropy: Arc<dyn Entropy>) -> Self {
        Self { entropy, cost: COST }
    }
}

impl PasswordHasher for Argon2PasswordHasher {
    fn hash(&self, password: &SecretString) -> PasswordHash {
        let new = PhcHash::with_random_salt(self.cost, &*self.entropy);
        PasswordHash::new(new.filled(password.expose_secret().as_bytes()).to_phc())
    }

    fn verify(&self, password: &SecretString, hash: Option<&PasswordHash>) -> PasswordCheck {
        let stored = hash.and_then(|hash| PhcHash::from_phc(hash.as_str()));
        // Without a hash, that of no password takes as long, and its result is not used.
        let dummy = || PhcHash { cost: self.cost, salt: vec![0; 16], hash: vec![0; 32] };
        let (exists, stored) = (stored.is_some(), stored.unwrap_or_else(dummy));
        let computed = stored.compute(password.expose_secret().as_bytes());
        let matches = computed.is_some_and(|hash| verify_slices_are_equal(&hash, &stored.hash).is_ok());
        match matches && exists {
            false => PasswordCheck::Wrong,
            true if stored.cost == self.cost => PasswordCheck::Right,
            true => PasswordCheck::RightButOutdated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;

    fn hasher(cost: Cost) -> Argon2PasswordHasher {
        Argon2PasswordHasher { entropy: Arc::new(SystemEntropy::new()), cost }
    }

    fn password(text: &str) -> SecretString {
        SecretString::from(text)
    }

    const LOW: Cost = Cost { memory: 16, passes: 1, lanes: 1 };

    #[test]
    fn new_hashes_have_the_recommended_parameters() {
        let hash = Argon2PasswordHasher::new(Arc::new(SystemEntropy::new())).hash(&password("correct horse battery"));
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
    }

    #[test]
    fn a_password_matches_only_its_own_hash() {
        let hasher = hasher(LOW);
        let hash = hasher.hash(&password("one"));
        assert_eq!(hasher.verify(&password("one"), Some(&hash)), PasswordCheck::Right);
        assert_eq!(hasher.verify(&password("two"), Some(&hash)), PasswordCheck::Wrong);
        assert_eq!(hasher.verify(&password(""), Some(&hash)), PasswordCheck::Wrong);
        assert_ne!(hasher.hash(&password("one")).as_str(), hash.as_str(), "each hash has its own salt");
    }

    #[test]
    fn nothing_matches_without_a_hash_or_with_a_malformed_one() {
        for hash in [None, Some(PasswordHash::new("")), Some(PasswordHash::new("$argon2id$v=19$m=16,t=1,p=1$AA$AA"))] {
            assert_eq!(hasher(LOW).verify(&password("one"), hash.as_ref()), PasswordCheck::Wrong);
        }
    }

    #[test]
    fn a_hash_with_other_parameters_is_verified_and_reported_as_outdated() {
        let old = hasher(Cost { passes: 2, ..LOW }).hash(&password("one"));
        assert_eq!(hasher(LOW).verify(&password("one"), Some(&old)), PasswordCheck::RightButOutdated);
        assert_eq!(hasher(LOW).verify(&password("two"), Some(&old)), PasswordCheck::Wrong);
    }
}
