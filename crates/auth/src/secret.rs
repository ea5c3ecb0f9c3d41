//! Client secrets: 256 bits, with a prefix that secret scanners look for and a checksum that catches typos unhashed.

use std::fmt;

use kernel::Entropy;
use secrecy::{ExposeSecret, SecretString};

/// What every client secret starts with.
const PREFIX: &str = "nvsec_";
/// 256 bits in base 32.
const BODY: usize = 52;
/// 32 bits in base 32.
const CHECK: usize = 7;
/// Lower-case RFC 4648 base 32.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A well-formed client secret. Never logged: its `Debug` says nothing.
#[derive(Clone, Debug)]
pub struct ClientSecret(SecretString);

/// What is kept of a client secret: an Argon2 hash in PHC form. Its parameters suit a secret of 256 random bits, not a
/// person's password.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash(String);

/// The hash that a call naming no account is checked against, so that it costs what a wrong secret costs. No secret has it.
pub const HASH_OF_NO_SECRET: &str =
    "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

impl ClientSecret {
    /// A new secret.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bits = [0; 32];
        entropy.fill(&mut bits);
        let body = base32(&bits, BODY);
        let check = checksum(&body);
        Self(SecretString::from(format!("{PREFIX}{body}{check}")))
    }

    /// The secret written like this, if it has the form of one: a typo is told here, before any hash is computed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(PREFIX)?;
        let fits = rest.len() == BODY + CHECK && rest.bytes().all(|byte| ALPHABET.contains(&byte));
        let (body, check) = fits.then(|| rest.split_at(BODY))?;
        (checksum(body) == check).then(|| Self(SecretString::from(text)))
    }

    /// The secret itself: for the hasher, and for the one answer that shows it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

fn checksum(body: &str) -> String {
    base32(&crc32fast::hash(body.as_bytes()).to_be_bytes(), CHECK)
}

fn base32(bytes: &[u8], length: usize) -> String {
    let bit = |place: usize| bytes.get(place / 8).map_or(0, |byte| byte >> (7 - place % 8) & 1);
    (0..length)
        .map(|digit| (0..5).fold(0, |value, place| value << 1 | bit(digit * 5 + place)))
        .map(|value| char::from(ALPHABET[usize::from(value)]))
        .collect()
}

impl SecretHash {
    /// A hash in PHC form.
    #[must_use]
    pub fn new(phc: impl Into<String>) -> Self {
        Self(phc.into())
    }

    /// Its PHC form.
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

#[cfg(test)]
mod tests {
    use kernel::Timestamp;
    use ulid::Ulid;

    use super::*;

    struct Count;

    impl Entropy for Count {
        fn fill(&self, buffer: &mut [u8]) {
            for (byte, place) in buffer.iter_mut().zip(7..) {
                *byte = place;
            }
        }

        fn ulid(&self, _: Timestamp) -> Ulid {
            Ulid::nil()
        }
    }

    #[test]
    fn a_typo_anywhere_in_a_secret_is_told_without_hashing() {
        let secret = ClientSecret::generate(&Count);
        let text = secret.expose().to_owned();
        assert_eq!(text.len(), PREFIX.len() + BODY + CHECK);
        assert!(ClientSecret::parse(&text).is_some());
        for place in 0..text.len() {
            let mut typo = text.clone().into_bytes();
            typo[place] = if typo[place] == b'a' { b'b' } else { b'a' };
            assert!(ClientSecret::parse(&String::from_utf8(typo).unwrap()).is_none(), "a typo at {place} passed");
        }
        assert!(ClientSecret::parse(&text.to_uppercase()).is_none());
    }

    #[test]
    fn a_secret_and_its_hash_are_not_in_debug_output() {
        let secret = ClientSecret::generate(&Count);
        assert!(!format!("{secret:?}").contains(&secret.expose()[PREFIX.len()..]));
        assert!(!format!("{:?}", SecretHash::new("$argon2id$x")).contains("argon2id"));
    }
}
