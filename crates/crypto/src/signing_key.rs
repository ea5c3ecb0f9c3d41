//! Token signing keys: they are generated here, stored encrypted, and decrypted with the master key.

use auth::EncryptedSigningKey;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;
use kernel::{Entropy, Timestamp};
use zeroize::Zeroizing;

use crate::{encryptor::Encryptor, master_key::MasterKey};

/// The only algorithm of signing keys so far (RFC 8037).
const EDDSA: &str = "EdDSA";

/// The type of access tokens (RFC 9068 § 2.1). Media types are compared case-insensitively, and `application/` may be
/// omitted (RFC 7515 § 4.1.9).
pub(crate) const TOKEN_TYPE: &str = "at+jwt";

/// The reason that tokens can be neither signed nor verified.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeyError {
    /// The key was encrypted with another master key, or altered.
    #[error(
        "the master key can't decrypt the signing key {id}: it is another installation's, or the database was altered"
    )]
    DecryptionFailed {
        /// The id of the key.
        id: String,
    },
    /// A newer version of this program has generated the key.
    #[error("the signing key {id} is for the algorithm {algorithm:?}, which this version does not support")]
    UnknownAlgorithm {
        /// The id of the key.
        id: String,
        /// The algorithm of the key.
        algorithm: String,
    },
    /// There is no signing key.
    #[error("the database has no signing key")]
    NoKey,
}

/// Generates a new Ed25519 key, encrypted for the store.
#[must_use]
pub fn generate_signing_key(master: &MasterKey, entropy: &dyn Entropy, now: Timestamp) -> EncryptedSigningKey {
    let mut seed = Zeroizing::new([0; 32]);
    entropy.fill(seed.as_mut_slice());
    let id = entropy.ulid(now).to_string();
    let ciphertext = Encryptor::new(master).encrypt(entropy, &purpose(&id), seed.as_slice());
    EncryptedSigningKey { id, algorithm: EDDSA.to_owned(), ciphertext, created_at: now }
}

/// A decrypted key.
pub(crate) struct SigningKey {
    pub(crate) id: String,
    /// The encoded header of every token that the key signs.
    pub(crate) header: String,
    pub(crate) pair: Ed25519KeyPair,
    pub(crate) public: DecodingKey,
}

impl SigningKey {
    pub(crate) fn decrypt(encryptor: &Encryptor, key: &EncryptedSigningKey) -> Result<Self, SigningKeyError> {
        if key.algorithm != EDDSA {
            return Err(SigningKeyError::UnknownAlgorithm { id: key.id.clone(), algorithm: key.algorithm.clone() });
        }
        let failed = || SigningKeyError::DecryptionFailed { id: key.id.clone() };
        let seed = encryptor.decrypt(&purpose(&key.id), &key.ciphertext).map_err(|_| failed())?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| failed())?;
        Ok(Self {
            id: key.id.clone(),
            header: header(&key.id),
            public: DecodingKey::from_ed_der(pair.public_key().as_ref()),
            pair,
        })
    }
}

fn header(id: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!(r#"{{"typ":"{TOKEN_TYPE}","alg":"{EDDSA}","kid":"{id}"}}"#))
}

/// The purpose, which binds the ciphertext to the key's id, so that rows of the database can't be exchanged.
fn purpose(id: &str) -> String {
    format!("token signing key {id}")
}
