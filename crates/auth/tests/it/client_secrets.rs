//! Client secrets: their form, their checksum, and that they are not logged.

use auth::{ClientSecret, SecretHash};
use kernel::{Entropy, Timestamp};
use ulid::Ulid;

/// The secret with the random bytes 7 to 38, encoded by another implementation of base 32 and of CRC-32.
pub(crate) const SECRET: &str = "nvsec_a4eascqlbqgq4dyqcejbgfavcylrqgi2dmob2hq7eaqseizeeuta3tynhfi";

/// Random bytes that count up from 7.
struct CountingEntropy;

impl Entropy for CountingEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        for (byte, value) in buffer.iter_mut().zip(7..) {
            *byte = value;
        }
    }

    fn ulid(&self, _: Timestamp) -> Ulid {
        Ulid::nil()
    }
}

#[test]
fn a_new_secret_is_a_prefix_and_256_random_bits_and_their_checksum_in_base_32() {
    assert_eq!(ClientSecret::generate(&CountingEntropy).expose(), SECRET);
}

#[test]
fn a_secret_that_was_generated_is_accepted() {
    assert_eq!(ClientSecret::parse(SECRET).unwrap().expose(), SECRET);
}

#[test]
fn white_space_around_a_secret_is_dropped() {
    for text in [format!(" {SECRET}"), format!("{SECRET}\r\n"), format!("\t{SECRET}\u{a0} ")] {
        assert_eq!(ClientSecret::parse(&text).unwrap().expose(), SECRET, "{text:?}");
    }
    assert!(ClientSecret::parse(&SECRET.replace("nvsec_", "nvsec_ ")).is_none());
}

#[test]
fn a_typo_anywhere_in_a_secret_is_detected_without_hashing() {
    for index in 0..SECRET.len() {
        let mut typo = SECRET.to_owned().into_bytes();
        typo[index] = if typo[index] == b'a' { b'b' } else { b'a' };
        assert!(ClientSecret::parse(&String::from_utf8(typo).unwrap()).is_none(), "the typo at {index} was accepted");
    }
}

#[test]
fn a_secret_is_accepted_only_in_full_and_in_its_own_letter_case() {
    for text in [&SECRET[..SECRET.len() - 1], &SECRET[..6], "", &format!("{SECRET}a"), &SECRET.to_uppercase()] {
        assert!(ClientSecret::parse(text).is_none(), "{text:?} was accepted");
    }
    assert!(ClientSecret::parse(&SECRET.replace("nvsec_", "nvpat_")).is_none(), "another prefix was accepted");
    assert!(ClientSecret::parse(&SECRET["nvsec_".len()..]).is_none(), "a secret without its prefix was accepted");
}

#[test]
fn a_character_outside_the_alphabet_is_refused_even_if_the_checksum_includes_it() {
    let digit_one = "nvsec_a4eascqlbq1q4dyqcejbgfavcylrqgi2dmob2hq7eaqseizeeuta6nuatji";
    let upper_case = "nvsec_a4eascqlbqBq4dyqcejbgfavcylrqgi2dmob2hq7eaqseizeeutawlijzxa";
    for text in [digit_one, upper_case, &SECRET.replace("aqseiz", "aqséz")] {
        assert_eq!(text.len(), SECRET.len());
        assert!(ClientSecret::parse(text).is_none(), "{text:?} was accepted");
    }
}

#[test]
fn another_length_is_refused_even_if_the_checksum_is_right() {
    let one_short = "nvsec_a4eascqlbqgq4dyqcejbgfavcylrqgi2dmob2hq7eaqseizeeutfg2cu2i";
    let one_long = "nvsec_a4eascqlbqgq4dyqcejbgfavcylrqgi2dmob2hq7eaqseizeeutaanahcswy";
    for text in [one_short, one_long, "nvsec_aaaaaaa"] {
        assert!(ClientSecret::parse(text).is_none(), "{text:?} was accepted");
    }
}

#[test]
fn a_secret_and_its_hash_are_not_in_debug_output() {
    let secret = ClientSecret::parse(SECRET).unwrap();
    assert!(!format!("{secret:?}").contains(&SECRET["nvsec_".len()..]));
    assert_eq!(format!("{:?}", SecretHash::new("$argon2id$x")), "SecretHash(…)");
}
