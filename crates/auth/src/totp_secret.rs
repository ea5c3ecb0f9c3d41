//! The secret that an authenticator app shares with the server.

use secrecy::{ExposeSecret, SecretSlice};

use crate::random_text::base32;

/// The name of the program in authenticator apps.
const ISSUER: &str = "Novantra";

/// A secret for time-based one-time passwords. Its `Debug` output is redacted, so that it is never logged.
#[derive(Clone, Debug)]
pub struct TotpSecret(SecretSlice<u8>);

impl TotpSecret {
    /// Creates a secret from its bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }

    /// The bytes of the secret.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.expose_secret()
    }

    /// The secret in base 32, as people type it into an app.
    #[must_use]
    pub fn to_base32(&self) -> String {
        base32(self.bytes(), (self.bytes().len() * 8).div_ceil(5)).to_ascii_uppercase()
    }

    /// The URI that an app reads from a QR code, for an account with this label: the email address and the workspace.
    #[must_use]
    pub fn to_uri(&self, label: &str) -> String {
        let label = percent_encoded(label);
        format!(
            "otpauth://totp/{ISSUER}:{label}?secret={}&issuer={ISSUER}&algorithm=SHA1&digits=6&period=30",
            self.to_base32()
        )
    }
}

fn percent_encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}
