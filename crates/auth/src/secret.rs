//! Client secrets: 256 random bits, with a prefix for secret scanners and a checksum that detects typos without
//! hashing.

use std::fmt;

use kernel::Entropy;
use secrecy::{ExposeSecret, SecretString};

/// The prefix of every client secret.
const PREFIX: &str = "nvsec_";
/// The length of 256 bits in base 32.
const BODY_LENGTH: usize = 52;
/// The length of the 32 bits of the checksum in base 32.
const CHECKSUM_LENGTH: usize = 7;
/// The lower-case alphabet of RFC 4648 base 32.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A well-formed client secret. Its `Debug` output is redacted, so that it is never logged.
#[derive(Clone, Debug)]
pub struct ClientSecret(SecretString);

/// The stored form of a client secret: an Argon2 hash in PHC string format. Its parameters are chosen for a secret of
/// 256 random bits, not for a password.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash(String);

/// The hash that a secret without an account is checked against, so that the check costs as much as that of a wrong
/// secret. No secret has this hash.
pub const DUMMY_HASH: &str =
    "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

impl ClientSecret {
    /// Generates a new secret.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bits = [0; 32];
        entropy.fill(&mut bits);
        let body = base32(&bits, BODY_LENGTH);
        let check = checksum(&body);
        Self(SecretString::from(format!("{PREFIX}{body}{check}")))
    }

    /// Parses a secret; `None` if it is malformed. The checksum detects typos before any hash is computed. White space
    /// around the secret, which is copied along from files and consoles, is dropped.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let rest = text.strip_prefix(PREFIX)?;
        let well_formed =
            rest.len() == BODY_LENGTH + CHECKSUM_LENGTH && rest.bytes().all(|byte| ALPHABET.contains(&byte));
        let (body, check) = well_formed.then(|| rest.split_at(BODY_LENGTH))?;
        (checksum(body) == check).then(|| Self(SecretString::from(text)))
    }

    /// The secret in clear text, for the hasher and for the one response that contains it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

fn checksum(body: &str) -> String {
    base32(&crc32fast::hash(body.as_bytes()).to_be_bytes(), CHECKSUM_LENGTH)
}

fn base32(bytes: &[u8], length: usize) -> String {
    let bit = |index: usize| bytes.get(index / 8).map_or(0, |byte| byte >> (7 - index % 8) & 1);
    (0..length)
        .map(|digit| (0..5).fold(0, |value, offset| value << 1 | bit(digit * 5 + offset)))
        .map(|value| char::from(ALPHABET[usize::from(value)]))
        .collect()
}

impl SecretHash {
    /// Creates a hash from its PHC string.
    #[must_use]
    pub fn new(phc: impl Into<String>) -> Self {
        Self(phc.into())
    }

    /// The PHC string of the hash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}
