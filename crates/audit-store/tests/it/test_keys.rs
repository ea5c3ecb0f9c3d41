//! Keys of installations that anyone can use.

use audit::{CheckpointSigner, CheckpointVerifier, Hash, RowKey, Signature};

/// A key that anyone can use.
pub(crate) struct TestKey;

impl RowKey for TestKey {
    fn tag(&self, message: &[u8]) -> [u8; 32] {
        Hash::digest(&[b"key", message].concat()).0
    }

    fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
        self.tag(message) == tag
    }
}

impl CheckpointSigner for TestKey {
    fn sign(&self, message: &[u8]) -> Signature {
        let half = Hash::digest(&[b"signature", message].concat()).0;
        Signature([half, half].concat().try_into().unwrap())
    }
}

impl CheckpointVerifier for TestKey {
    fn verify(&self, message: &[u8], signature: &Signature) -> bool {
        self.sign(message) == *signature
    }
}

/// The key of another installation.
pub(crate) struct OtherKey(pub(crate) &'static [u8]);

impl RowKey for OtherKey {
    fn tag(&self, message: &[u8]) -> [u8; 32] {
        Hash::digest(&[self.0, message].concat()).0
    }

    fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
        self.tag(message) == tag
    }
}
