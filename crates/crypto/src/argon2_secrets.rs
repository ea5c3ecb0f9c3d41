//! Argon2id hashes of client secrets, in PHC string format.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use auth::{ClientSecret, SecretHash, SecretHasher};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use kernel::Entropy;

/// The parameters are for secrets of 256 random bits, which even the slowest hash would not make harder to guess. So
/// the memory and time that a password requires would only be a cost for the server.
const MEMORY_KIB: u32 = 8;
const PASSES: u32 = 1;
const LANES: u32 = 1;
const SALT_LENGTH: usize = 16;
const HASH_LENGTH: usize = 32;

/// The maximum parameters of a stored hash. Higher ones can only come from someone who tampered with the database.
const MAX_MEMORY_KIB: u32 = 64 * 1024;
const MAX_PASSES: u32 = 16;
const MAX_LANES: u32 = 16;

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
        let mut salt = vec![0; SALT_LENGTH];
        self.entropy.fill(&mut salt);
        let mut new = PhcHash { memory: MEMORY_KIB, passes: PASSES, lanes: LANES, salt, hash: vec![0; HASH_LENGTH] };
        if let Some(previous) =
            previous.and_then(|hash| PhcHash::from_phc(hash.as_str())).filter(|hash| hash.has_same_cost(&new))
        {
            new.salt = previous.salt;
        }
        new.hash = new.compute_hash(secret).expect("the parameters of new hashes are within Argon2's bounds");
        SecretHash::new(new.to_phc())
    }

    fn verify(&self, secret: &ClientSecret, hashes: &[&SecretHash]) -> bool {
        let mut computed: Option<(PhcHash, Vec<u8>)> = None;
        let mut matches = false;
        for stored in hashes.iter().filter_map(|hash| PhcHash::from_phc(hash.as_str())) {
            let shared = computed.take().filter(|(other, _)| stored.has_same_cost(other) && stored.salt == other.salt);
            let Some(hash) = shared.map(|(_, hash)| hash).or_else(|| stored.compute_hash(secret)) else { continue };
            matches |= verify_slices_are_equal(&hash, &stored.hash).is_ok();
            computed = Some((stored, hash));
        }
        matches
    }
}

/// A parsed PHC string: `$argon2id$v=19$m=8,t=1,p=1$salt$hash`.
#[derive(Debug, PartialEq)]
struct PhcHash {
    memory: u32,
    passes: u32,
    lanes: u32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl PhcHash {
    fn from_phc(phc: &str) -> Option<Self> {
        let (parameters, rest) = phc.strip_prefix("$argon2id$v=19$")?.split_once('$')?;
        let (salt, hash) = rest.split_once('$')?;
        let mut parameters = parameters.split(',');
        let mut next = |name: &str, max: u32| {
            let value: u32 = parameters.next()?.strip_prefix(name)?.parse().ok()?;
            (value <= max).then_some(value)
        };
        let parsed = Self {
            memory: next("m=", MAX_MEMORY_KIB)?,
            passes: next("t=", MAX_PASSES)?,
            lanes: next("p=", MAX_LANES)?,
            salt: STANDARD_NO_PAD.decode(salt).ok()?,
            hash: STANDARD_NO_PAD.decode(hash).ok().filter(|hash| hash.len() == HASH_LENGTH)?,
        };
        parameters.next().is_none().then_some(parsed)
    }

    fn to_phc(&self) -> String {
        let Self { memory, passes, lanes, salt, hash } = self;
        let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
        format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${hash}")
    }

    fn has_same_cost(&self, other: &Self) -> bool {
        (self.memory, self.passes, self.lanes) == (other.memory, other.passes, other.lanes)
    }

    fn compute_hash(&self, secret: &ClientSecret) -> Option<Vec<u8>> {
        let parameters = Params::new(self.memory, self.passes, self.lanes, Some(self.hash.len())).ok()?;
        let blocks = parameters.block_count();
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
        let mut hash = vec![0; self.hash.len()];
        let mut fill = |memory: &mut [Block]| {
            argon2.hash_password_into_with_memory(secret.expose().as_bytes(), &self.salt, &mut hash, memory)
        };
        // The memory of new hashes fits on the stack: allocating and clearing it on the heap would take a sixth of the
        // time of the hash.
        let filled = if blocks == MEMORY_KIB as usize {
            fill(&mut [Block::new(); MEMORY_KIB as usize])
        } else {
            fill(&mut vec![Block::new(); blocks])
        };
        filled.ok().map(|()| hash)
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
        assert_eq!((dummy.memory, dummy.passes, dummy.lanes), (real.memory, real.passes, real.lanes));
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
