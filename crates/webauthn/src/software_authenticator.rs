//! A passkey in software, for tests: it answers the options of this crate as a browser with an authenticator does.

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    encoding::encode,
    public_key::{EDDSA, ES256, RS256},
};

/// The algorithm of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// RSA with PKCS #1 v1.5 and SHA-256.
    Rs256,
}

enum Key {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(RsaKeyPair),
}

/// An authenticator with one credential. Tests set its public fields to have it answer wrongly.
pub struct SoftwareAuthenticator {
    key: Key,
    /// The identifier of the credential.
    pub id: Vec<u8>,
    /// The origin that the browser says.
    pub origin: String,
    /// The relying party that is signed for.
    pub party: String,
    /// The counter of the next signature; `None` for an authenticator without one.
    pub counter: Option<u32>,
    /// Whether the person touched it.
    pub is_present: bool,
    /// Whether it verifies its owner.
    pub is_verifying: bool,
    /// Whether the credential may be copied.
    pub is_backup_eligible: bool,
    /// The user handle of the registration.
    pub user_handle: Option<String>,
}

/// # Panics
/// If a key can't be generated.
impl SoftwareAuthenticator {
    /// Creates an authenticator without a credential's user yet, for pages of this origin.
    #[must_use]
    pub fn new(algorithm: KeyAlgorithm, origin: &str, party: &str) -> Self {
        let key = match algorithm {
            KeyAlgorithm::Es256 => Key::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key")),
            KeyAlgorithm::EdDsa => Key::EdDsa(Ed25519KeyPair::generate().expect("a key")),
            KeyAlgorithm::Rs256 => Key::Rs256(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key")),
        };
        let mut authenticator = Self {
            key,
            id: Vec::new(),
            origin: origin.to_owned(),
            party: party.to_owned(),
            counter: Some(1),
            is_present: true,
            is_verifying: true,
            is_backup_eligible: false,
            user_handle: None,
        };
        authenticator.id = Sha256::digest(authenticator.public_key()).to_vec();
        authenticator
    }

    /// The public key as a COSE key.
    #[must_use]
    pub fn public_key(&self) -> Vec<u8> {
        match &self.key {
            Key::Es256(key) => {
                let point = key.public_key().as_ref();
                [&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32], &point[1..33], &[0x22, 0x58, 32], &point[33..]]
                    .concat()
            }
            Key::EdDsa(key) => [&[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32], key.public_key().as_ref()].concat(),
            Key::Rs256(key) => {
                // In DER: a sequence of the modulus, which has a leading zero, and the exponent.
                let modulus = key.public_key().as_ref().get(9..265).expect("a key of 2048 bits");
                let head = [0xa4, 1, 3, 3, 0x39, 1, 0, 0x20, 0x59, 1, 0];
                [&head, modulus, &[0x21, 0x43, 1, 0, 1]].concat()
            }
        }
    }

    /// The COSE identifier of the algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> i64 {
        match self.key {
            Key::Es256(_) => ES256,
            Key::EdDsa(_) => EDDSA,
            Key::Rs256(_) => RS256,
        }
    }

    /// Answers options of a registration.
    pub fn register(&mut self, options: &Value) -> String {
        self.user_handle = options["user"]["id"].as_str().map(str::to_owned);
        let client_data = self.client_data("webauthn.create", options);
        let mut data = self.authenticator_data(0x40);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).expect("a short identifier").to_be_bytes());
        data.extend(&self.id);
        data.extend(self.public_key());
        let attestation = attestation(&data);
        json!({
            "id": encode(&self.id),
            "type": "public-key",
            "response": { "clientDataJSON": encode(client_data.as_bytes()), "attestationObject": encode(&attestation) },
        })
        .to_string()
    }

    /// Answers options of a sign-in.
    pub fn sign_in(&mut self, options: &Value) -> String {
        let client_data = self.client_data("webauthn.get", options);
        let data = self.authenticator_data(0);
        let signed = [&data[..], &Sha256::digest(client_data.as_bytes())].concat();
        json!({
            "id": encode(&self.id),
            "type": "public-key",
            "response": {
                "clientDataJSON": encode(client_data.as_bytes()),
                "authenticatorData": encode(&data),
                "signature": encode(&self.sign(&signed)),
                "userHandle": self.user_handle,
            },
        })
        .to_string()
    }

    fn client_data(&self, kind: &str, options: &Value) -> String {
        let challenge = options["challenge"].as_str().expect("a challenge");
        json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false }).to_string()
    }

    fn authenticator_data(&mut self, flags: u8) -> Vec<u8> {
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        let flags =
            flags | flag(self.is_present, 0x01) | flag(self.is_verifying, 0x04) | flag(self.is_backup_eligible, 0x08);
        let mut data = Sha256::digest(&self.party).to_vec();
        data.push(flags);
        data.extend(self.counter.unwrap_or(0).to_be_bytes());
        self.counter = self.counter.map(|counter| counter + 1);
        data
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            Key::Es256(key) => key.sign(&random, message).expect("a signature").as_ref().to_vec(),
            Key::EdDsa(key) => key.sign(message).as_ref().to_vec(),
            Key::Rs256(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("a signature");
                signature
            }
        }
    }
}

/// An attestation object without a statement.
fn attestation(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("short data").to_be_bytes();
    let head = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59";
    [&head[..], &length, data].concat()
}
