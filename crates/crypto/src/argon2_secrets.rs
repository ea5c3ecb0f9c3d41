//! Argon2id hashes of client secrets, in PHC string format.

use std::sync::Arc;

use auth::{ClientSecret, SecretHash, SecretHasher};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use kernel::Entropy;

use crate::phc_hash::{Cost, PhcHash};

/// The parameters are for secrets of 256 random bits, which even the slowest hash would not make harder to guess. So
/// the memory and time that a password requires would only be a cost for the server.
const COST: Cost = Cost { memory: 8, passes: 1, lanes: 1 };

/// Hashes client secrets with Argon2id.
#[derive(Clone)]
pub struct Argon2Hasher {
    entropy: Arc<dyn Entropy>,
}

impl Argon2Hasher {
    /// Creates a hasher with salts from this source.
    #[must_use]
    pub fn new(entropy: Arc<dyn Entropy>) -> Self {
        Self { entropy }
    }
}

impl SecretHasher for Argon2Hasher {
    fn hash(&self, secret: &ClientSecret, previous: Option<&SecretHash>) -> SecretHash {
        let mut new = PhcHash::with_random_salt(COST, &*self.entropy);
        if let Some(previous) =
            previous.and_then(|hash| PhcHash::from_phc(hash.as_str())).filter(|hash| hash.cost == COST)
        {
            new.salt = previous.salt;
        }
        SecretHash::new(new.filled(secret.expose().as_bytes()).to_phc())
    }

    fn verify(&self, secret: &ClientSecret, hashes: &[&SecretHash]) -> bool {
        let mut computed: Option<(PhcHash, Vec<u8>)> = None;
        let mut matches = false;
        for stored in hashes.iter().filter_map(|hash| PhcHash::from_phc(hash.as_str())) {
            let shared = computed.take().filter(|(other, _)| stored.cost == other.cost && stored.salt == other.salt);
            let Some(hash) = shared.map(|(_, hash)| hash).or_else(|| stored.compute(secret.expose().as_bytes())) else {
                continue;
            };
            matches |= verify_slices_are_equal(&hash, &stored.hash).is_ok();
            computed = Some((stored, hash));
        }
        matches
    }
}

#[cfg(test)]
mod tests {
    use auth::DUMMY_HASH;

    use super::*;
    use crate::{entropy::SystemEntropy, fixtures::ConstantEntropy};

    fn hasher() -> Argon2Hasher {
        Argon2Hasher::new(Arc::new(SystemEntropy::new()))
    }

    #[test]
    fn a_secret_matches_only_its_own_hash() {
        let (one, other) = (ClientSecret::generate(&ConstantEntropy(1)), ClientSecret::generate(&ConstantEntropy(2)));
        let hash = hasher().hash(&one, None);
        assert!(hasher().verify(&one, &[&hash]));
        assert!(!hasher().verify(&other, &[&hash]));
        assert_ne!(hasher().hash(&one, None).as_str(), hash.as_str(), "each hash has its own salt");
        assert!(!hash.as_str().contains(one.expose()));
    }

    #[test]
    fn a_rotated_secret_shares_the_salt_and_both_secrets_are_valid() {
        let [old, new, other] = [1, 2, 3].map(|seed| ClientSecret::generate(&ConstantEntropy(seed)));
        let before = hasher().hash(&old, None);
        let after = hasher().hash(&new, Some(&before));
        let salt = |hash: &SecretHash| PhcHash::from_phc(hash.as_str()).unwrap().salt;
        assert_eq!(salt(&before), salt(&after));
        assert!(hasher().verify(&old, &[&after, &before]) && hasher().verify(&new, &[&after, &before]));
        assert!(!hasher().verify(&other, &[&after, &before]) && !hasher().verify(&old, &[&after]));
        assert!(!hasher().verify(&old, &[]));
    }

    #[test]
    fn a_hash_made_by_openssl_is_verified() {
        let secret = ClientSecret::generate(&ConstantEntropy(1));
        assert_eq!(secret.expose(), "nvsec_aeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqq6m5cai");
        let phc = "$argon2id$v=19$m=8,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$yDsroGYw0DF0bKbWklUTRocWRty4ZKCCrY1E229bqVc";
        assert!(hasher().verify(&secret, &[&SecretHash::new(phc)]));
    }

    #[test]
    fn the_dummy_hash_costs_as_much_as_a_real_one_and_matches_no_secret() {
        let real = hasher().hash(&ClientSecret::generate(&ConstantEntropy(1)), None);
        let [real, dummy] = [real.as_str(), DUMMY_HASH].map(|phc| PhcHash::from_phc(phc).unwrap());
        assert_eq!(dummy.cost, real.cost);
        assert_eq!((dummy.salt.len(), dummy.hash.len()), (real.salt.len(), real.hash.len()));
        assert!(!hasher().verify(&ClientSecret::generate(&ConstantEntropy(1)), &[&SecretHash::new(DUMMY_HASH)]));
    }

    #[test]
    fn hashes_with_excessive_parameters_or_of_another_form_are_refused_without_hashing() {
        let phc = hasher().hash(&ClientSecret::generate(&ConstantEntropy(1)), None).as_str().to_owned();
        assert_eq!(PhcHash::from_phc(&phc).unwrap().to_phc(), phc);
        for (from, to) in [
            ("m=8", "m=4294967295"),
            ("t=1", "t=4000000000"),
            ("p=1", "p=1000"),
            ("p=1", "p=1,x=2"),
            ("m=8", "m=-8"),
            ("m=8,t=1", "t=1,m=8"),
            ("argon2id", "argon2i"),
            ("v=19", "v=16"),
            ("$argon2id", "argon2id"),
        ] {
            assert_eq!(PhcHash::from_phc(&phc.replacen(from, to, 1)), None, "{to} was accepted");
        }
        for cut in 0..phc.len() {
            assert_eq!(PhcHash::from_phc(&phc[..cut]), None);
        }
    }
}
