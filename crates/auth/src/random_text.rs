//! Random secrets as texts: base 32 with a checksum, which detects typos without hashing.

use kernel::Entropy;

/// The length of 256 bits in base 32.
pub(crate) const BODY_LENGTH: usize = 52;
/// The length of the 32 bits of the checksum in base 32.
const CHECKSUM_LENGTH: usize = 7;
/// The lower-case alphabet of RFC 4648 base 32.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Returns 256 random bits in base 32.
pub(crate) fn random_body(entropy: &dyn Entropy) -> String {
    let mut bits = [0; 32];
    entropy.fill(&mut bits);
    base32(&bits, BODY_LENGTH)
}

/// Returns the body with its checksum.
pub(crate) fn checked(body: &str) -> String {
    format!("{body}{}", checksum(body))
}

/// Returns whether the text is a body of this length in base 32 with its checksum.
pub(crate) fn is_checked(text: &str, body_length: usize) -> bool {
    let well_formed = text.len() == body_length + CHECKSUM_LENGTH && text.bytes().all(|byte| ALPHABET.contains(&byte));
    well_formed && {
        let (body, check) = text.split_at(body_length);
        checksum(body) == check
    }
}

fn checksum(body: &str) -> String {
    base32(&crc32fast::hash(body.as_bytes()).to_be_bytes(), CHECKSUM_LENGTH)
}

/// Returns the first `length` digits of the bytes in base 32, without padding.
pub(crate) fn base32(bytes: &[u8], length: usize) -> String {
    let bit = |index: usize| bytes.get(index / 8).map_or(0, |byte| byte >> (7 - index % 8) & 1);
    (0..length)
        .map(|digit| (0..5).fold(0, |value, offset| value << 1 | bit(digit * 5 + offset)))
        .map(|value| char::from(ALPHABET[usize::from(value)]))
        .collect()
}
