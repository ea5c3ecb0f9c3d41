//! Client secrets: 256 random bits, with a prefix for secret scanners and a checksum that detects typos without
//! hashing.

use std::fmt;

use kernel::Entropy;
use secrecy::{ExposeSecret, SecretString};

use crate::random_text::{BODY_LENGTH, checked, is_checked, random_body};

/// The prefix of every client secret.
const PREFIX: &str = "nvsec_";

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
        Self(SecretString::from(format!("{PREFIX}{}", checked(&random_body(entropy)))))
    }

    /// Parses a secret; `None` if it is malformed. The checksum detects typos before any hash is computed. White space
    /// around the secret, which is copied along from files and consoles, is dropped.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        is_checked(text.strip_prefix(PREFIX)?, BODY_LENGTH).then(|| Self(SecretString::from(text)))
    }

    /// The secret in clear text, for the hasher and for the one response that contains it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
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
