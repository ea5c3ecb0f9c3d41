//! Ed25519 signatures of audit checkpoints, with a key that is derived from the master key and not stored.

use std::{fmt, str::FromStr};

use audit::{CheckpointSigner, CheckpointVerifier, Signature};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::master_key::{MasterKey, Purpose};

/// Signs checkpoints.
#[derive(Debug)]
pub struct CheckpointKey(Ed25519KeyPair);

/// Verifies checkpoints. Its text form is the PEM of its SubjectPublicKeyInfo (RFC 8410), which `openssl` can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckpointPublicKey([u8; 32]);

/// The text is not the PEM of an Ed25519 public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an Ed25519 public key in PEM: a block from `-----BEGIN PUBLIC KEY-----` to `-----END PUBLIC KEY-----`")]
pub struct MalformedPublicKey;

/// The DER of a SubjectPublicKeyInfo for Ed25519, without the 32 bytes of the key at its end.
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

impl CheckpointKey {
    /// Creates the checkpoint key of the installation with this master key.
    #[must_use]
    pub fn new(master: &MasterKey) -> Self {
        let seed = master.derive(Purpose::Checkpoints);
        Self(Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).expect("any 32 bytes are an Ed25519 seed"))
    }

    /// The public key that verifies its signatures.
    #[must_use]
    pub fn public_key(&self) -> CheckpointPublicKey {
        let key = self.0.public_key().as_ref();
        CheckpointPublicKey(key.try_into().expect("an Ed25519 public key has 32 bytes"))
    }
}

impl CheckpointSigner for CheckpointKey {
    fn sign(&self, message: &[u8]) -> Signature {
        let signature = self.0.sign(message);
        Signature(signature.as_ref().try_into().expect("an Ed25519 signature has 64 bytes"))
    }
}

impl CheckpointVerifier for CheckpointPublicKey {
    fn verify(&self, message: &[u8], signature: &Signature) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, &signature.0).is_ok()
    }
}

impl CheckpointPublicKey {
    /// Returns the key in PEM, which `openssl` can read.
    #[must_use]
    pub fn to_pem(&self) -> String {
        format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode([SPKI_PREFIX.as_slice(), &self.0].concat()))
    }

    /// Parses the key from a PEM block, which may have text around it.
    ///
    /// # Errors
    /// [`MalformedPublicKey`].
    pub fn from_pem(pem: &str) -> Result<Self, MalformedPublicKey> {
        let body = pem.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END)).ok_or(MalformedPublicKey)?.0;
        let body: String = body.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
        let der = STANDARD.decode(body).map_err(|_| MalformedPublicKey)?;
        let key = der.strip_prefix(&SPKI_PREFIX).ok_or(MalformedPublicKey)?;
        key.try_into().map(Self).map_err(|_| MalformedPublicKey)
    }
}

impl fmt::Display for CheckpointPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_pem())
    }
}

impl FromStr for CheckpointPublicKey {
    type Err = MalformedPublicKey;

    fn from_str(pem: &str) -> Result<Self, MalformedPublicKey> {
        Self::from_pem(pem)
    }
}

#[cfg(test)]
mod tests {
    use audit::{Checkpoint, Hash};
    use kernel::{OrganizationId, Timestamp};

    use super::*;
    use crate::fixtures::master_key;

    #[test]
    fn only_an_unaltered_checkpoint_verifies_with_the_public_key() {
        let key = CheckpointKey::new(&master_key(1));
        let at = Timestamp::from_millis(0);
        let checkpoint = Checkpoint::sign(&key, OrganizationId::INSTALLATION, 7, Hash::digest(b"entry"), at);
        let public = CheckpointPublicKey::from_pem(&key.public_key().to_pem()).unwrap();
        let verifies = |checkpoint: &Checkpoint| public.verify(checkpoint.message().as_bytes(), &checkpoint.signature);
        assert!(verifies(&checkpoint));
        assert!(!verifies(&Checkpoint { sequence: 8, ..checkpoint }));
        assert!(!verifies(&Checkpoint { hash: Hash::digest(b"other"), ..checkpoint }));
        let other = CheckpointKey::new(&master_key(2)).public_key();
        assert!(!other.verify(checkpoint.message().as_bytes(), &checkpoint.signature));
    }

    /// Both values were made by OpenSSL from the derived seed, with `openssl pkey -pubout` and `openssl pkeyutl -sign`.
    #[test]
    fn the_key_and_its_signatures_equal_those_of_openssl() {
        let key = CheckpointKey::new(&master_key(1));
        assert_eq!(
            key.public_key().to_pem(),
            "-----BEGIN PUBLIC KEY-----\n\
             MCowBQYDK2VwAyEA7+2FVoIciEm2Tu2tcKMOYvJ6M5xr0/WrjpPjjmQYPJg=\n\
             -----END PUBLIC KEY-----\n"
        );
        assert_eq!(
            key.sign(b"message").to_string(),
            "a9c532f066935545128b055ec7348d61c9a7e26a1784a361316472a6e82b8e32\
             12803bca2acadaec66dd2034b7358d099609b7585789c355a24321880b83fb03"
        );
    }

    #[test]
    fn a_pem_is_parsed_with_other_line_endings_and_text_around_it() {
        let key = CheckpointKey::new(&master_key(1)).public_key();
        let pem = format!("# Novantra\r\n{}", key.to_pem().replace('\n', "\r\n"));
        assert_eq!(CheckpointPublicKey::from_pem(&pem), Ok(key));
    }

    #[test]
    fn a_pem_without_an_ed25519_public_key_is_refused() {
        let pem = CheckpointKey::new(&master_key(1)).public_key().to_pem();
        for text in [
            "",
            "MCowBQYDK2VwAyEA",
            &pem.replace("PUBLIC", "PRIVATE"),
            &pem.replacen("MCow", "MCox", 1),
            &pem.replacen('=', "", 1),
            &pem[..pem.len() / 2],
        ] {
            assert_eq!(CheckpointPublicKey::from_pem(text), Err(MalformedPublicKey), "{text:?}");
        }
    }
}
