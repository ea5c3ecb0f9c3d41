//! Challenges for passkeys, which prove by themselves when and for what they were issued.

use auth::PasskeyChallenges;
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use kernel::{Entropy, Timestamp};

use crate::master_key::{MasterKey, Purpose};

/// The number of random bytes, as the standard recommends at least.
const RANDOM_LENGTH: usize = 16;

/// Issues and recognizes challenges with a key derived from the master key: the time, random bytes, and a tag over both and
/// the binding.
#[derive(Debug)]
pub struct PasskeyChallengeKey(hmac::Key);

impl PasskeyChallengeKey {
    /// Creates the key of the installation with this master key.
    #[must_use]
    pub fn new(master: &MasterKey) -> Self {
        Self(hmac::Key::new(HMAC_SHA256, master.derive(Purpose::PasskeyChallenges).as_slice()))
    }
}

/// The message of the tag. The part before the binding has a fixed length.
fn message(payload: &[u8], binding: &str) -> Vec<u8> {
    [payload, binding.as_bytes()].concat()
}

impl PasskeyChallenges for PasskeyChallengeKey {
    fn issue(&self, entropy: &dyn Entropy, binding: &str, now: Timestamp) -> Vec<u8> {
        let mut random = [0; RANDOM_LENGTH];
        entropy.fill(&mut random);
        let mut challenge = [&now.millis().to_be_bytes()[..], &random].concat();
        let tag = hmac::sign(&self.0, &message(&challenge, binding));
        challenge.extend(tag.as_ref());
        challenge
    }

    fn issued_at(&self, binding: &str, challenge: &[u8]) -> Option<Timestamp> {
        let (payload, tag) = challenge.split_at_checked(size_of::<i64>() + RANDOM_LENGTH)?;
        hmac::verify(&self.0, &message(payload, binding), tag).ok()?;
        let (millis, _) = payload.split_first_chunk()?;
        Some(Timestamp::from_millis(i64::from_be_bytes(*millis)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{entropy::SystemEntropy, fixtures::master_key};

    #[test]
    fn a_challenge_is_recognized_for_its_binding_by_the_installation_that_issued_it() {
        let (key, now) = (PasskeyChallengeKey::new(&master_key(1)), Timestamp::from_millis(-7));
        let challenge = key.issue(&SystemEntropy::new(), "sign-in a", now);
        assert_eq!(key.issued_at("sign-in a", &challenge), Some(now));
        assert_eq!(key.issued_at("sign-in b", &challenge), None);
        assert_eq!(PasskeyChallengeKey::new(&master_key(2)).issued_at("sign-in a", &challenge), None);
        assert_ne!(key.issue(&SystemEntropy::new(), "sign-in a", now), challenge);
    }

    #[test]
    fn an_altered_or_cut_challenge_is_not_recognized() {
        let key = PasskeyChallengeKey::new(&master_key(1));
        let challenge = key.issue(&SystemEntropy::new(), "sign-in", Timestamp::from_millis(1));
        for index in 0..challenge.len() {
            let mut altered = challenge.clone();
            altered[index] ^= 1;
            assert_eq!(key.issued_at("sign-in", &altered), None);
            assert_eq!(key.issued_at("sign-in", &challenge[..index]), None);
        }
        assert_eq!(key.issued_at("sign-in", &[challenge, vec![0]].concat()), None);
    }
}
