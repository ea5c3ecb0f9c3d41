//! Encryption of secrets at rest, bound to their purpose.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use kernel::Entropy;
use zeroize::Zeroizing;

use crate::master_key::{MasterKey, Purpose};

/// The version of the ciphertext format, its first byte, so that the format can change.
const AES_256_GCM_RANDOM_NONCE: u8 = 1;

/// Encrypts secrets for the database with AES-256-GCM, a key derived from the master key and random nonces, with which
/// one key can encrypt 2³² secrets.
#[derive(Debug)]
pub struct Encryptor(LessSafeKey);

/// The ciphertext was altered, is for another purpose, or was encrypted with another master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret can't be decrypted: it was altered or moved, or was encrypted with another master key")]
pub struct DecryptionFailed;

impl Encryptor {
    /// Creates the encryptor of the installation with this master key.
    #[must_use]
    pub fn new(master: &MasterKey) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, master.derive(Purpose::SecretsAtRest).as_slice());
        Self(LessSafeKey::new(key.expect("a derived key has the length that AES-256 takes")))
    }

    /// Encrypts the secret. It can be decrypted only for the same `purpose`, which says what the secret is and whose.
    #[must_use]
    pub fn encrypt(&self, entropy: &dyn Entropy, purpose: &str, secret: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce);
        let mut ciphertext = Vec::with_capacity(1 + NONCE_LEN + secret.len() + AES_256_GCM.tag_len());
        ciphertext.push(AES_256_GCM_RANDOM_NONCE);
        ciphertext.extend(nonce);
        ciphertext.extend(secret);
        let tag = self
            .0
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(purpose),
                &mut ciphertext[1 + NONCE_LEN..],
            )
            .expect("AES-GCM encrypts up to 64 GiB");
        ciphertext.extend(tag.as_ref());
        ciphertext
    }

    /// Decrypts a secret that was encrypted for this purpose.
    ///
    /// # Errors
    /// [`DecryptionFailed`].
    pub fn decrypt(&self, purpose: &str, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, DecryptionFailed> {
        let [AES_256_GCM_RANDOM_NONCE, rest @ ..] = ciphertext else { return Err(DecryptionFailed) };
        let (nonce, rest) = rest.split_first_chunk().ok_or(DecryptionFailed)?;
        let mut secret = Zeroizing::new(rest.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self.0.open_in_place(nonce, Aad::from(purpose), &mut secret).map_err(|_| DecryptionFailed)?.len();
        secret.truncate(length);
        Ok(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{entropy::SystemEntropy, fixtures::master_key};

    #[test]
    fn a_secret_can_be_decrypted_only_with_its_key_and_for_its_purpose() {
        let encryptor = Encryptor::new(&master_key(1));
        let ciphertext = encryptor.encrypt(&SystemEntropy::new(), "signing key A", b"secret");
        assert_eq!(encryptor.decrypt("signing key A", &ciphertext).unwrap().as_slice(), b"secret");
        assert_eq!(encryptor.decrypt("signing key B", &ciphertext), Err(DecryptionFailed));
        assert_eq!(Encryptor::new(&master_key(2)).decrypt("signing key A", &ciphertext), Err(DecryptionFailed));
    }

    #[test]
    fn an_altered_or_truncated_ciphertext_is_refused() {
        let encryptor = Encryptor::new(&master_key(1));
        let ciphertext = encryptor.encrypt(&SystemEntropy::new(), "purpose", b"secret");
        for index in 0..ciphertext.len() {
            let mut altered = ciphertext.clone();
            altered[index] ^= 1;
            assert_eq!(encryptor.decrypt("purpose", &altered), Err(DecryptionFailed));
            assert_eq!(encryptor.decrypt("purpose", &ciphertext[..index]), Err(DecryptionFailed));
        }
    }

    #[test]
    fn the_same_secret_is_never_encrypted_to_the_same_ciphertext() {
        let (encryptor, entropy) = (Encryptor::new(&master_key(1)), SystemEntropy::new());
        assert_ne!(
            encryptor.encrypt(&entropy, "purpose", b"secret"),
            encryptor.encrypt(&entropy, "purpose", b"secret")
        );
    }
}
