//! Token signing keys: made here, kept encrypted by the store, opened with the master key.

use auth::SealedKey;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;
use kernel::{Entropy, Timestamp};
use zeroize::Zeroizing;

use crate::{master_key::MasterKey, sealer::Sealer, token::TYPE};

/// The algorithm of every key so far (RFC 8037).
const EDDSA: &str = "EdDSA";

/// Why tokens can be neither signed nor verified.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeyError {
    /// The key was sealed under another master key, or altered.
    #[error(
        "this master key does not open the signing key {id}: it belongs to another installation, or the database was altered"
    )]
    Unopened {
        /// Which key.
        id: String,
    },
    /// A newer version of this program made the key.
    #[error("the signing key {id} is for the algorithm {algorithm:?}, which this version does not know")]
    UnknownAlgorithm {
        /// Which key.
        id: String,
        /// What it is for.
        algorithm: String,
    },
    /// There is none.
    #[error("the database has no signing key")]
    None,
}

/// A new Ed25519 key, encrypted for the store.
#[must_use]
pub fn seal_new_signing_key(master: &MasterKey, entropy: &dyn Entropy, now: Timestamp) -> SealedKey {
    let mut seed = Zeroizing::new([0; 32]);
    entropy.fill(seed.as_mut_slice());
    let id = entropy.ulid(now).to_string();
    let sealed = Sealer::new(master).seal(entropy, &purpose(&id), seed.as_slice());
    SealedKey { id, algorithm: EDDSA.to_owned(), sealed, created_at: now }
}

/// A key that can be used.
pub(crate) struct SigningKey {
    pub(crate) id: String,
    /// The first part of every token it signs.
    pub(crate) header: String,
    pub(crate) pair: Ed25519KeyPair,
    pub(crate) public: DecodingKey,
}

impl SigningKey {
    pub(crate) fn open(sealer: &Sealer, key: &SealedKey) -> Result<Self, SigningKeyError> {
        if key.algorithm != EDDSA {
            return Err(SigningKeyError::UnknownAlgorithm { id: key.id.clone(), algorithm: key.algorithm.clone() });
        }
        let unopened = || SigningKeyError::Unopened { id: key.id.clone() };
        let seed = sealer.open(&purpose(&key.id), &key.sealed).map_err(|_| unopened())?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| unopened())?;
        Ok(Self {
            id: key.id.clone(),
            header: header(&key.id),
            public: DecodingKey::from_ed_der(pair.public_key().as_ref()),
            pair,
        })
    }
}

fn header(id: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!(r#"{{"typ":"{TYPE}","alg":"{EDDSA}","kid":"{id}"}}"#))
}

/// Binds the ciphertext to its key's id, so that rows of the database can't be exchanged.
fn purpose(id: &str) -> String {
    format!("token signing key {id}")
}
