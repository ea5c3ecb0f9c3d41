//! Time-based one-time passwords (RFC 6238), and their secrets at rest.

use auth::{SecondFactors, TotpSecret};
use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    hmac::{self, HMAC_SHA1_FOR_LEGACY_USE_ONLY},
};
use kernel::{Entropy, Timestamp};

use crate::{encryptor::Encryptor, master_key::MasterKey};

/// The length of a secret: that of the hash, as RFC 4226 recommends.
const SECRET_LENGTH: usize = 20;
const STEP_SECONDS: i64 = 30;
/// The number of steps by which the clock of a phone may differ, in either direction.
const TOLERATED_STEPS: i64 = 1;
const DIGITS: usize = 6;

/// Creates and checks the secrets of authenticator apps, and encrypts them with a key derived from the master key. The
/// algorithm is HMAC-SHA-1, the only one that every app supports; its weakness against collisions is of no use here.
#[derive(Debug)]
pub struct TotpFactors(Encryptor);

impl TotpFactors {
    /// Creates the factors of the installation with this master key.
    #[must_use]
    pub fn new(master: &MasterKey) -> Self {
        Self(Encryptor::new(master))
    }
}

impl SecondFactors for TotpFactors {
    fn generate(&self, entropy: &dyn Entropy) -> TotpSecret {
        let mut secret = vec![0; SECRET_LENGTH];
        entropy.fill(&mut secret);
        TotpSecret::new(secret)
    }

    fn encrypt(&self, entropy: &dyn Entropy, owner: &str, secret: &TotpSecret) -> Vec<u8> {
        self.0.encrypt(entropy, &purpose(owner), secret.bytes())
    }

    fn decrypt(&self, owner: &str, ciphertext: &[u8]) -> Option<TotpSecret> {
        self.0.decrypt(&purpose(owner), ciphertext).ok().map(|secret| TotpSecret::new(secret.to_vec()))
    }

    fn matching_step(&self, secret: &TotpSecret, code: &str, now: Timestamp) -> Option<i64> {
        let key = hmac::Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.bytes());
        let current = now.seconds().div_euclid(STEP_SECONDS);
        let mut matching = None;
        for step in current - TOLERATED_STEPS..=current + TOLERATED_STEPS {
            let expected = code_of(&key, step);
            if verify_slices_are_equal(expected.as_bytes(), code.as_bytes()).is_ok() {
                matching = Some(step);
            }
        }
        matching
    }
}

/// The purpose of a secret, which prevents its decryption for another owner.
fn purpose(owner: &str) -> String {
    format!("second factor of {owner}")
}

/// Returns the code of a step (RFC 4226, section 5.3).
fn code_of(key: &hmac::Key, step: i64) -> String {
    let tag = hmac::sign(key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag.last().copied().unwrap_or(0) & 0x0f);
    let four = tag.get(offset..offset + 4).and_then(|four| <[u8; 4]>::try_from(four).ok()).unwrap_or_default();
    let number = (u32::from_be_bytes(four) & 0x7fff_ffff) % 10_u32.pow(DIGITS as u32);
    format!("{number:0DIGITS$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{entropy::SystemEntropy, fixtures::master_key};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn factors() -> TotpFactors {
        TotpFactors::new(&master_key(1))
    }

    /// The vectors of RFC 6238, appendix B, which have eight digits: the last six are the code of six.
    #[test]
    fn codes_equal_the_vectors_of_the_specification() {
        let secret = TotpSecret::new(b"12345678901234567890".to_vec());
        for (seconds, code) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            assert_eq!(factors().matching_step(&secret, &code[2..], at(seconds)), Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn a_code_is_accepted_one_step_before_and_after_its_own_and_tells_its_step() {
        let secret = TotpSecret::new(b"12345678901234567890".to_vec());
        let (code, step) = ("005924", 1_234_567_890 / 30);
        for (offset, accepted) in [(-2, None), (-1, Some(step)), (0, Some(step)), (1, Some(step)), (2, None)] {
            let now = at(1_234_567_890 + offset * 30);
            assert_eq!(factors().matching_step(&secret, code, now), accepted, "{offset}");
        }
    }

    #[test]
    fn other_texts_are_no_codes() {
        let secret = TotpSecret::new(b"12345678901234567890".to_vec());
        for text in ["", "05924", "0005924", "005925", "89005924", "００５９２４", " 005924"] {
            assert_eq!(factors().matching_step(&secret, text, at(1_234_567_890)), None, "{text:?}");
        }
    }

    #[test]
    fn a_secret_is_decrypted_only_for_its_owner_and_with_its_key() {
        let entropy = SystemEntropy::new();
        let secret = factors().generate(&entropy);
        assert_eq!(secret.bytes().len(), SECRET_LENGTH);
        let ciphertext = factors().encrypt(&entropy, "user_1", &secret);
        assert_eq!(factors().decrypt("user_1", &ciphertext).unwrap().bytes(), secret.bytes());
        assert!(factors().decrypt("user_2", &ciphertext).is_none());
        assert!(TotpFactors::new(&master_key(2)).decrypt("user_1", &ciphertext).is_none());
        assert_ne!(factors().generate(&entropy).bytes(), secret.bytes());
    }
}
