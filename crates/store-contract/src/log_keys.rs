//! The keys of the audit log in tests.

use audit::{CheckpointSigner, CheckpointVerifier, Hash, RowKey, Signature};

/// A key that signs and authenticates with a keyed hash, which suffices since tests don't attack the signature itself.
#[derive(Clone, Copy, Debug)]
pub struct TestLogKey(pub u8);

impl TestLogKey {
    /// The key of every [`crate::Fixture`].
    pub const DEFAULT: Self = Self(1);

    fn keyed_hash(self, purpose: u8, message: &[u8]) -> [u8; 32] {
        Hash::digest(&[&[self.0, purpose], message].concat()).0
    }
}

impl RowKey for TestLogKey {
    fn tag(&self, message: &[u8]) -> [u8; 32] {
        self.keyed_hash(0, message)
    }

    fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
        self.tag(message) == tag
    }
}

impl CheckpointSigner for TestLogKey {
    fn sign(&self, message: &[u8]) -> Signature {
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&self.keyed_hash(1, message));
        signature[32..].copy_from_slice(&self.keyed_hash(2, message));
        Signature(signature)
    }
}

impl CheckpointVerifier for TestLogKey {
    fn verify(&self, message: &[u8], signature: &Signature) -> bool {
        self.sign(message) == *signature
    }
}
