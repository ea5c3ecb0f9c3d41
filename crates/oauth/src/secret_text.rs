//! Random secrets in the form of API keys (contract § 2): a prefix, 256 bits in base 62, and a CRC-32 in base 62.

use kernel::Entropy;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BODY_LENGTH: usize = 43;
const CHECKSUM_LENGTH: usize = 6;

/// Returns a new secret with this prefix.
pub(crate) fn generate(prefix: &str, entropy: &dyn Entropy) -> String {
    let mut bits = [0; 32];
    entropy.fill(&mut bits);
    let text = format!("{prefix}{}", base62(&bits, BODY_LENGTH));
    let checksum = base62(&crc32fast::hash(text.as_bytes()).to_be_bytes(), CHECKSUM_LENGTH);
    text + &checksum
}

/// Returns whether the text is a secret with this prefix and its checksum.
pub(crate) fn is_well_formed(prefix: &str, text: &str) -> bool {
    let Some(digits) = text.strip_prefix(prefix) else { return false };
    digits.len() == BODY_LENGTH + CHECKSUM_LENGTH && digits.bytes().all(|digit| DIGITS.contains(&digit)) && {
        let (body, checksum) = text.split_at(prefix.len() + BODY_LENGTH);
        base62(&crc32fast::hash(body.as_bytes()).to_be_bytes(), CHECKSUM_LENGTH) == checksum
    }
}

/// Returns the big-endian number in base 62, padded on the left to `length` digits, which must hold it.
fn base62(bytes: &[u8], length: usize) -> String {
    let mut number = bytes.to_vec();
    let mut digits = vec![b'0'; length];
    for digit in digits.iter_mut().rev() {
        let mut remainder = 0_u32;
        for byte in &mut number {
            let value = remainder << 8 | u32::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            remainder = value % 62;
        }
        *digit = DIGITS[remainder as usize];
    }
    digits.into_iter().map(char::from).collect()
}
