//! The life cycle of token signing keys: a key is published, so that every server loads it; it signs; it verifies the
//! tokens it has signed; it is dropped. The stages follow the store's clock, which all servers of an installation
//! share.

use std::time::Duration;

use kernel::Timestamp;

use crate::token::TokenLifetime;

/// The maximum age of the keys that a server works with. After that it neither issues nor accepts tokens until it has
/// read the keys again, so a change of the keys takes effect on every server within this time.
pub const MAX_KEYS_AGE: Duration = Duration::from_secs(10);

/// The minimum time from a key's publication to its first signature. It is longer than [`MAX_KEYS_AGE`], so that no
/// server receives a token whose key it has not loaded.
pub const MIN_LEAD_TIME: Duration = Duration::from_secs(30);

/// The time for which a key verifies tokens after its successor has begun to sign: the maximum lifetime of a token, and
/// five minutes for servers that load the successor late and for differences between clocks.
pub const VERIFY_AFTER_RETIREMENT: Duration = Duration::from_secs(TokenLifetime::MAX.as_secs() + 300);

/// A token signing key as a store holds it: encrypted with the master key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptedSigningKey {
    /// The key's id, which tokens have in their header.
    pub id: String,
    /// The only algorithm the key may be used with (RFC 8725): `EdDSA`.
    pub algorithm: String,
    /// The encrypted private key.
    pub ciphertext: Vec<u8>,
    /// The time of the key's creation.
    pub created_at: Timestamp,
}

/// A published key, which every server can load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedKey {
    /// The key.
    pub key: EncryptedSigningKey,
    /// The time from which on it signs, by the store's clock.
    pub signs_from: Timestamp,
}

/// The stage of a key in its life cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStage {
    /// The key is published and will sign.
    Published,
    /// The key signs.
    Signing,
    /// Its successor signs; the key still verifies the tokens it has signed.
    Verifying,
}

impl KeyStage {
    /// The name of the stage.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Signing => "signing",
            Self::Verifying => "verifying",
        }
    }
}

/// The signing keys of an installation at a point in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyring {
    at: Timestamp,
    keys: Vec<PublishedKey>,
}

/// A change of the keys, which is stored atomically if the keys are still the expected ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyChange {
    /// The ids of all keys that existed when the change was decided.
    pub expected_ids: Vec<String>,
    /// A key to add, and the time until it begins to sign.
    pub publish: Option<(EncryptedSigningKey, Duration)>,
    /// The ids of the keys to drop, whose tokens are refused from then on.
    pub drop: Vec<String>,
}

/// The reason that a change of the keys is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRotationError {
    /// The next key is published already.
    #[error("the key {id} is already published and signs from {signs_from} on: rotate again after that, or retire it")]
    InProgress {
        /// The id of the published key.
        id: String,
        /// The time from which on it signs.
        signs_from: Timestamp,
    },
    /// The lead time is too short for all servers to load the key before it signs.
    #[error("a key must be published at least {} s before it signs", MIN_LEAD_TIME.as_secs())]
    LeadTooShort,
    /// There is no key with this id.
    #[error("there is no signing key {0}")]
    UnknownKey(String),
}

impl Keyring {
    /// Creates a keyring from the keys at this time of the store's clock.
    #[must_use]
    pub fn new(at: Timestamp, mut keys: Vec<PublishedKey>) -> Self {
        keys.sort_by(|one, other| (one.signs_from, &one.key.id).cmp(&(other.signs_from, &other.key.id)));
        Self { at, keys }
    }

    /// The time at which the keys were read, by the store's clock.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// All keys, in the order in which they sign.
    #[must_use]
    pub fn keys(&self) -> &[PublishedKey] {
        &self.keys
    }

    /// The key that signs: the last one whose signing time has begun. If the store's clock was set back before all of
    /// them, it is the first key.
    #[must_use]
    pub fn signing(&self) -> Option<&PublishedKey> {
        self.keys.get(self.signing_index())
    }

    /// Iterates over the keys with their stages, in the order in which they sign.
    pub fn stages(&self) -> impl Iterator<Item = (&PublishedKey, KeyStage)> {
        let signing = self.signing_index();
        self.keys.iter().enumerate().map(move |(index, key)| {
            let stage = match index.cmp(&signing) {
                std::cmp::Ordering::Less => KeyStage::Verifying,
                std::cmp::Ordering::Equal => KeyStage::Signing,
                std::cmp::Ordering::Greater => KeyStage::Published,
            };
            (key, stage)
        })
    }

    /// The time from which on the key is no longer needed, since all tokens it has signed have expired; `None` if it
    /// has no successor.
    #[must_use]
    pub fn needed_until(&self, id: &str) -> Option<Timestamp> {
        let index = self.keys.iter().position(|key| key.key.id == id)?;
        self.keys.get(index + 1).map(|successor| successor.signs_from + VERIFY_AFTER_RETIREMENT)
    }

    /// Returns whether a rotation is due: the signing key has signed for `lifetime`, and no successor is published.
    #[must_use]
    pub fn is_due(&self, lifetime: Duration) -> bool {
        let is_last = self.signing_index() + 1 == self.keys.len();
        is_last && self.signing().is_some_and(|key| key.signs_from + lifetime <= self.at)
    }

    /// Returns the change that publishes the next key, which signs after `lead`.
    ///
    /// # Errors
    /// [`KeyRotationError::LeadTooShort`], [`KeyRotationError::InProgress`].
    pub fn rotate(&self, next: EncryptedSigningKey, lead: Duration) -> Result<KeyChange, KeyRotationError> {
        if lead < MIN_LEAD_TIME {
            return Err(KeyRotationError::LeadTooShort);
        }
        if let Some((key, _)) = self.stages().find(|(_, stage)| *stage == KeyStage::Published) {
            return Err(KeyRotationError::InProgress { id: key.key.id.clone(), signs_from: key.signs_from });
        }
        Ok(KeyChange { publish: Some((next, lead)), ..self.change() })
    }

    /// Returns the change that drops a key prematurely, so that every token it has signed is refused. If it is the key
    /// that signs, the replacement signs immediately.
    ///
    /// # Errors
    /// [`KeyRotationError::UnknownKey`].
    pub fn retire(&self, id: &str, replacement: EncryptedSigningKey) -> Result<KeyChange, KeyRotationError> {
        let (key, stage) = self
            .stages()
            .find(|(key, _)| key.key.id == id)
            .ok_or_else(|| KeyRotationError::UnknownKey(id.to_owned()))?;
        let publish = (stage == KeyStage::Signing).then_some((replacement, Duration::ZERO));
        Ok(KeyChange { publish, drop: vec![key.key.id.clone()], ..self.change() })
    }

    /// Returns the change that drops the keys whose tokens have all expired; `None` if there are no such keys.
    #[must_use]
    pub fn expired(&self) -> Option<KeyChange> {
        let has_expired = |key: &PublishedKey| self.needed_until(&key.key.id).is_some_and(|end| end <= self.at);
        let verifying = self.stages().filter(|(_, stage)| *stage == KeyStage::Verifying);
        let drop = verifying.filter(|(key, _)| has_expired(key)).map(|(key, _)| key.key.id.clone());
        let drop: Vec<String> = drop.collect();
        (!drop.is_empty()).then(|| KeyChange { drop, ..self.change() })
    }

    fn signing_index(&self) -> usize {
        self.keys.iter().rposition(|key| key.signs_from <= self.at).unwrap_or(0)
    }

    fn change(&self) -> KeyChange {
        let expected_ids = self.keys.iter().map(|key| key.key.id.clone()).collect();
        KeyChange { expected_ids, publish: None, drop: Vec::new() }
    }
}
