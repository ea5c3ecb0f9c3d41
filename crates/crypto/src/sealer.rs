//! Secrets at rest: encrypted, and bound to what they are for.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use kernel::Entropy;
use zeroize::Zeroizing;

use crate::master_key::{MasterKey, Purpose};

/// The first byte of whatever is sealed, so that the way of sealing can change one day.
const AES_256_GCM_RANDOM_NONCE: u8 = 1;

/// Encrypts secrets for the database: AES-256-GCM under a key derived from the master key, with random nonces, of which
/// one key bears 2³².
#[derive(Debug)]
pub struct Sealer(LessSafeKey);

/// What was sealed was altered, is for another purpose, or was sealed under another master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sealed secret does not open: it was altered or moved, or was sealed under another master key")]
pub struct Unopened;

impl Sealer {
    /// The installation's key for secrets at rest.
    #[must_use]
    pub fn new(master: &MasterKey) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, master.derive(Purpose::SecretsAtRest).as_slice());
        Self(LessSafeKey::new(key.expect("a derived key has the length that AES-256 takes")))
    }

    /// The secret, encrypted. It opens only for the same `purpose`, which names what the secret is and whose.
    #[must_use]
    pub fn seal(&self, entropy: &dyn Entropy, purpose: &str, secret: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce);
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + secret.len() + AES_256_GCM.tag_len());
        sealed.push(AES_256_GCM_RANDOM_NONCE);
        sealed.extend(nonce);
        sealed.extend(secret);
        let tag = self
            .0
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(purpose),
                &mut sealed[1 + NONCE_LEN..],
            )
            .expect("AES-GCM seals up to 64 GiB");
        sealed.extend(tag.as_ref());
        sealed
    }

    /// The secret that was sealed for this purpose.
    ///
    /// # Errors
    /// [`Unopened`].
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unopened> {
        let [AES_256_GCM_RANDOM_NONCE, rest @ ..] = sealed else { return Err(Unopened) };
        let (nonce, rest) = rest.split_first_chunk().ok_or(Unopened)?;
        let mut secret = Zeroizing::new(rest.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self.0.open_in_place(nonce, Aad::from(purpose), &mut secret).map_err(|_| Unopened)?.len();
        secret.truncate(length);
        Ok(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{entropy::SystemEntropy, fixtures::master};

    #[test]
    fn a_secret_opens_under_its_key_and_for_its_purpose_only() {
        let sealer = Sealer::new(&master(1));
        let sealed = sealer.seal(&SystemEntropy::new(), "signing key A", b"secret");
        assert_eq!(sealer.open("signing key A", &sealed).unwrap().as_slice(), b"secret");
        assert_eq!(sealer.open("signing key B", &sealed), Err(Unopened));
        assert_eq!(Sealer::new(&master(2)).open("signing key A", &sealed), Err(Unopened));
    }

    #[test]
    fn what_was_altered_or_cut_anywhere_does_not_open() {
        let sealer = Sealer::new(&master(1));
        let sealed = sealer.seal(&SystemEntropy::new(), "purpose", b"secret");
        for place in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[place] ^= 1;
            assert_eq!(sealer.open("purpose", &altered), Err(Unopened));
            assert_eq!(sealer.open("purpose", &sealed[..place]), Err(Unopened));
        }
    }

    #[test]
    fn the_same_secret_never_looks_the_same() {
        let (sealer, entropy) = (Sealer::new(&master(1)), SystemEntropy::new());
        assert_ne!(sealer.seal(&entropy, "purpose", b"secret"), sealer.seal(&entropy, "purpose", b"secret"));
    }
}
