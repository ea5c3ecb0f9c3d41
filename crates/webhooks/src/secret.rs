//! The secrets that deliveries are signed with: `whsec_` and the base 64 of 32 random bytes (Standard Webhooks).

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use kernel::{Entropy, Timestamp};
use secrecy::{ExposeSecret, SecretBox};

/// What every secret starts with, as the published libraries expect.
const PREFIX: &str = "whsec_";

/// A secret in the open. Never logged: its `Debug` says nothing.
#[derive(Debug)]
pub struct WebhookSecret(SecretBox<[u8; 32]>);

/// A secret as it is kept: encrypted.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// The ciphertext.
    pub sealed: Vec<u8>,
    /// When it stops signing; `None` for the current one.
    pub ends_at: Option<Timestamp>,
}

impl WebhookSecret {
    /// A new secret.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(SecretBox::init_with_mut(|bytes: &mut [u8; 32]| entropy.fill(bytes)))
    }

    /// The secret of these bytes, if they are 32.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; 32] = bytes.try_into().ok()?;
        Some(Self(SecretBox::new(Box::new(bytes))))
    }

    /// The bytes: for whoever seals or signs.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }

    /// As the one answer that shows it has it.
    #[must_use]
    pub fn show(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(self.expose()))
    }
}

impl fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedSecret").field("ends_at", &self.ends_at).finish_non_exhaustive()
    }
}
