//! The master key: the only secret of an installation. Every other key is derived from it or encrypted with it.

use std::{
    fmt::{self, Write as _},
    str::FromStr,
};

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use base64::{Engine, engine::general_purpose::STANDARD};
use kernel::Entropy;
use zeroize::{Zeroize, Zeroizing};

/// 32 random bytes, which are wiped from memory when dropped. The `Debug` output is redacted.
#[derive(Clone)]
pub struct MasterKey([u8; 32]);

/// The text is not 32 bytes in base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a master key must be 32 random bytes in base64 (44 characters), as `openssl rand -base64 32` prints them")]
pub struct MalformedMasterKey;

/// The purpose of a derived key. Keys for different purposes reveal nothing about each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The authentication of cursors.
    Cursors,
    /// The signatures of audit checkpoints.
    Checkpoints,
    /// The signatures of the notes with the heads of the audit log's trees.
    AuditNotes,
    /// The authentication of audit entries that are not sealed yet.
    AuditRows,
    /// The encryption of secrets at rest.
    SecretsAtRest,
    /// The authentication of the cookies of devices.
    DeviceCookies,
    /// The recognition of challenges for passkeys.
    PasskeyChallenges,
    /// The check value that identifies the master key; nothing is encrypted or signed with it.
    KeyCheck,
}

impl Purpose {
    /// The label in the key derivation. Changing a label changes the key.
    const fn label(self) -> &'static str {
        match self {
            Self::Cursors => "novantra/v1/cursors",
            Self::Checkpoints => "novantra/v1/checkpoints",
            Self::AuditNotes => "novantra/v1/audit-notes",
            Self::AuditRows => "novantra/v1/audit-rows",
            Self::SecretsAtRest => "novantra/v1/secrets-at-rest",
            Self::DeviceCookies => "novantra/v1/device-cookies",
            Self::PasskeyChallenges => "novantra/v1/passkey-challenges",
            Self::KeyCheck => "novantra/v1/recognition",
        }
    }
}

impl MasterKey {
    /// Generates a new key.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut key = [0; 32];
        entropy.fill(&mut key);
        Self(key)
    }

    /// Returns the key in base64, as in its file.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.0))
    }

    /// Derives the key for this purpose with HKDF-SHA256 (RFC 5869).
    #[must_use]
    pub fn derive(&self, purpose: Purpose) -> Zeroizing<[u8; 32]> {
        struct Length;
        impl KeyType for Length {
            fn len(&self) -> usize {
                32
            }
        }
        let mut key = Zeroizing::new([0; 32]);
        let info = [purpose.label().as_bytes()];
        Salt::new(HKDF_SHA256, &[])
            .extract(&self.0)
            .expand(&info, Length)
            .and_then(|okm| okm.fill(key.as_mut_slice()))
            .expect("HKDF-SHA256 yields up to 255 times 32 bytes");
        key
    }
}

impl MasterKey {
    /// Returns the check value, which the database stores to identify the master key: a derived key in hexadecimal,
    /// from which neither the master key nor other derived keys can be computed.
    #[must_use]
    pub fn check_value(&self) -> String {
        self.derive(Purpose::KeyCheck).iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Returns whether the key has this check value.
    #[must_use]
    pub fn has_check_value(&self, value: &str) -> bool {
        self.check_value() == value
    }
}

impl FromStr for MasterKey {
    type Err = MalformedMasterKey;

    fn from_str(text: &str) -> Result<Self, MalformedMasterKey> {
        let bytes = Zeroizing::new(STANDARD.decode(text.trim_ascii()).map_err(|_| MalformedMasterKey)?);
        bytes.as_slice().try_into().map(Self).map_err(|_| MalformedMasterKey)
    }
}

impl Drop for MasterKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn a_key_is_parsed_from_its_text_with_surrounding_white_space() {
        let text = STANDARD.encode([7; 32]);
        let key: MasterKey = format!("\n{text}\r\n").parse().unwrap();
        assert_eq!(*key.to_text(), text);
    }

    #[test]
    fn malformed_keys_are_refused() {
        for text in ["", "AAAA", &STANDARD.encode([7; 31]), &STANDARD.encode([7; 33]), &"!".repeat(44)] {
            assert_eq!(text.parse::<MasterKey>().unwrap_err(), MalformedMasterKey, "{text:?}");
        }
    }

    #[test]
    fn a_key_is_not_in_debug_output() {
        assert_eq!(format!("{:?}", MasterKey([7; 32])), "MasterKey(…)");
    }

    /// Every installation has data that depends on these keys, so their derivation must never change. The expected
    /// values were computed with another implementation, Python's `hmac`.
    #[test]
    fn derived_keys_never_change_and_differ_by_purpose() {
        let key = MasterKey([0; 32]);
        assert_eq!(
            hex(key.derive(Purpose::Cursors).as_slice()),
            "6df9ebcca4921c75bbbeb51bfd42313892cf4404f3c8840bce950220b7a5b19a"
        );
        assert_eq!(
            hex(key.derive(Purpose::Checkpoints).as_slice()),
            "3a0c34e2be83586205339206071c21137d3e11fd12af6d5d099cb28600121e27"
        );
        assert_eq!(
            hex(key.derive(Purpose::SecretsAtRest).as_slice()),
            "f0b9c162ca6bf0c1b538318fbce7927611aeaa765dee3e91c6c9bb0c669e6031"
        );
        assert_eq!(
            hex(key.derive(Purpose::DeviceCookies).as_slice()),
            "e7537a4cc15ff1ae126c1d1de17141cbb9b6ebae01a5f58cdaa0cd292c62fad7"
        );
        assert_eq!(
            hex(key.derive(Purpose::PasskeyChallenges).as_slice()),
            "968aafdc3b3f33f7966917b58446540fec0fbb7d6a56dd1a96d26048b960d190"
        );
        assert_eq!(
            hex(key.derive(Purpose::AuditNotes).as_slice()),
            "980cbb37393ea5c0a8e7ad03ec15f087346fde3299f8232509de55d40a70293e"
        );
        assert_eq!(
            hex(key.derive(Purpose::AuditRows).as_slice()),
            "721869841bd0fd5b2db4ff858c64a06ad3938c571b717b4d3c365ebf14a760c9"
        );
        assert_eq!(key.check_value(), "2c7201f750e7369b72a0e8ebb255a35abcc04a2d654e2ffca3de69349b735d7b");
    }

    #[test]
    fn only_the_key_itself_has_its_check_value() {
        let (key, other) = (MasterKey([7; 32]), MasterKey([8; 32]));
        assert!(key.has_check_value(&key.check_value()));
        assert!(!other.has_check_value(&key.check_value()));
        assert!(!key.has_check_value(""));
    }
}
