//! The keys of the audit log in tests.

use std::sync::Arc;

use audit::{CheckpointSigner, CheckpointVerifier, Hash, NoteSigner, NoteVerifier, RowKey, Signature};
use audit_store::{LogSigner, SealerKeys};

/// A key that signs and authenticates with a keyed hash, which suffices since tests don't attack the signature itself.
#[derive(Clone, Copy, Debug)]
pub struct TestLogKey(pub u8);

impl TestLogKey {
    /// The key of every [`crate::Fixture`].
    pub const DEFAULT: Self = Self(1);

    /// The signer of notes with this key.
    #[must_use]
    pub fn log_signer(self) -> LogSigner {
        LogSigner::new("audit.example.org".to_owned(), Arc::new(self)).unwrap()
    }

    /// This key for all purposes of a sealer.
    #[must_use]
    pub fn sealer_keys(self) -> SealerKeys {
        SealerKeys { checkpoints: Arc::new(self), rows: Arc::new(self), notes: Some(Arc::new(self.log_signer())) }
    }

    fn keyed_hash(self, purpose: u8, message: &[u8]) -> [u8; 32] {
        Hash::digest(&[&[self.0, purpose], message].concat()).0
    }

    fn keyed_signature(self, purpose: u8, message: &[u8]) -> Signature {
        let hash = self.keyed_hash(purpose, message);
        Signature(std::array::from_fn(|index| hash[index % 32]))
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
        self.keyed_signature(1, message)
    }
}

impl CheckpointVerifier for TestLogKey {
    fn verify(&self, message: &[u8], signature: &Signature) -> bool {
        self.keyed_signature(1, message) == *signature
    }
}

impl NoteSigner for TestLogKey {
    fn public_key(&self) -> [u8; 32] {
        [self.0; 32]
    }

    fn sign(&self, text: &[u8]) -> Signature {
        self.keyed_signature(2, text)
    }
}

impl NoteVerifier for TestLogKey {
    fn verify(&self, public_key: &[u8; 32], message: &[u8], signature: &Signature) -> bool {
        Self(public_key[0]).keyed_signature(2, message) == *signature
    }
}
