//! Argon2id hashes in PHC string format.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use kernel::Entropy;

const SALT_LENGTH: usize = 16;
const HASH_LENGTH: usize = 32;

/// The maximum parameters of a stored hash. Higher ones can only come from someone who tampered with the database.
const MAX_MEMORY_KIB: u32 = 64 * 1024;
const MAX_PASSES: u32 = 16;
const MAX_LANES: u32 = 16;

/// The number of blocks, of 1 KiB each, that are allocated on the stack.
const STACK_BLOCKS: usize = 8;

/// The parameters of a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cost {
    /// In KiB.
    pub(crate) memory: u32,
    pub(crate) passes: u32,
    pub(crate) lanes: u32,
}

/// A parsed PHC string: `$argon2id$v=19$m=8,t=1,p=1$salt$hash`.
#[derive(Debug, PartialEq)]
pub(crate) struct PhcHash {
    pub(crate) cost: Cost,
    pub(crate) salt: Vec<u8>,
    pub(crate) hash: Vec<u8>,
}

impl PhcHash {
    /// Creates a hash of nothing with a random salt.
    pub(crate) fn with_random_salt(cost: Cost, entropy: &dyn Entropy) -> Self {
        let mut salt = vec![0; SALT_LENGTH];
        entropy.fill(&mut salt);
        Self { cost, salt, hash: vec![0; HASH_LENGTH] }
    }

    pub(crate) fn from_phc(phc: &str) -> Option<Self> {
        let (parameters, rest) = phc.strip_prefix("$argon2id$v=19$")?.split_once('$')?;
        let (salt, hash) = rest.split_once('$')?;
        let mut parameters = parameters.split(',');
        let mut next = |name: &str, max: u32| {
            let value: u32 = parameters.next()?.strip_prefix(name)?.parse().ok()?;
            (value <= max).then_some(value)
        };
        let cost = Cost {
            memory: next("m=", MAX_MEMORY_KIB)?,
            passes: next("t=", MAX_PASSES)?,
            lanes: next("p=", MAX_LANES)?,
        };
        let parsed = Self {
            cost,
            salt: STANDARD_NO_PAD.decode(salt).ok()?,
            hash: STANDARD_NO_PAD.decode(hash).ok().filter(|hash| hash.len() == HASH_LENGTH)?,
        };
        parameters.next().is_none().then_some(parsed)
    }

    pub(crate) fn to_phc(&self) -> String {
        let Self { cost: Cost { memory, passes, lanes }, salt, hash } = self;
        let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
        format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${hash}")
    }

    /// Returns this with the hash of a secret.
    pub(crate) fn filled(self, secret: &[u8]) -> Self {
        let hash = self.compute(secret).expect("the parameters of new hashes are within Argon2's bounds");
        Self { hash, ..self }
    }

    /// Returns the hash of a secret with this salt at this cost; `None` if the stored parameters are out of bounds.
    pub(crate) fn compute(&self, secret: &[u8]) -> Option<Vec<u8>> {
        let Cost { memory, passes, lanes } = self.cost;
        let parameters = Params::new(memory, passes, lanes, Some(self.hash.len())).ok()?;
        let blocks = parameters.block_count();
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
        let mut hash = vec![0; self.hash.len()];
        let mut fill =
            |memory: &mut [Block]| argon2.hash_password_into_with_memory(secret, &self.salt, &mut hash, memory);
        // The memory of a hash of a random secret fits on the stack: allocating and clearing it on the heap would take a
        // sixth of the time of the hash.
        let filled = if blocks == STACK_BLOCKS {
            fill(&mut [Block::new(); STACK_BLOCKS])
        } else {
            fill(&mut vec![Block::new(); blocks])
        };
        filled.ok().map(|()| hash)
    }
}
