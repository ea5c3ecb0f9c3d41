//! An authenticator app.

use aws_lc_rs::hmac;

/// The code that an authenticator app with this key shows now.
pub(super) fn code(base32: &str) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut bits, mut value, mut secret) = (0, 0_u64, Vec::new());
    for symbol in base32.bytes().filter(|byte| *byte != b' ') {
        value = value << 5 | alphabet.iter().position(|one| *one == symbol).expect("base 32") as u64;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            secret.push((value >> bits & 0xff) as u8);
        }
    }
    #[expect(clippy::disallowed_methods, reason = "the program under test uses the real time")]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time").as_secs();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &secret);
    let tag = hmac::sign(&key, &(now / 30).to_be_bytes());
    let offset = usize::from(tag.as_ref()[19] & 15);
    let number = u32::from_be_bytes(tag.as_ref()[offset..offset + 4].try_into().expect("4 bytes")) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}
