//! The secrets that deliveries are signed with: `whsec_` and 32 random bytes in base64 (Standard Webhooks).

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use kernel::{Entropy, Timestamp};
use secrecy::{ExposeSecret, SecretBox};

/// The prefix of every secret, which the published Standard Webhooks libraries expect.
const PREFIX: &str = "whsec_";

/// A secret in plain text. Its `Debug` output is redacted, so that it is never logged.
#[derive(Debug)]
pub struct WebhookSecret(SecretBox<[u8; 32]>);

/// A secret as it is stored: encrypted.
#[derive(Clone, PartialEq, Eq)]
pub struct EncryptedSecret {
    /// The ciphertext.
    pub ciphertext: Vec<u8>,
    /// The time at which the secret stops signing; `None` for the current one.
    pub expires_at: Option<Timestamp>,
}

impl WebhookSecret {
    /// Generates a random secret.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(SecretBox::init_with_mut(|bytes: &mut [u8; 32]| entropy.fill(bytes)))
    }

    /// Creates the secret from its bytes; `None` unless there are exactly 32.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; 32] = bytes.try_into().ok()?;
        Some(Self(SecretBox::new(Box::new(bytes))))
    }

    /// The bytes of the secret, for encryption and signing.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }

    /// The text form, which is returned once, when the secret is created.
    #[must_use]
    pub fn expose_text(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(self.expose()))
    }
}

impl fmt::Debug for EncryptedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptedSecret").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}
