//! The names of the logs of an installation, and the key that signs their heads under these names.

use std::sync::Arc;

use audit::{Hash, KeyName, MalformedKeyName, NoteSigner, Signature, TreeHead, VerifierKey};
use kernel::OrganizationId;

use crate::keys::TreeHeadSigner;

/// Signs the heads of the logs of an installation, each under its name: that of the installation and the organization.
#[derive(Clone)]
pub struct LogSigner {
    origin: String,
    key: Arc<dyn NoteSigner>,
}

impl LogSigner {
    /// Creates the signer of the logs whose names begin with `origin`.
    ///
    /// # Errors
    /// [`MalformedKeyName`] if no log can have such a name.
    pub fn new(origin: String, key: Arc<dyn NoteSigner>) -> Result<Self, MalformedKeyName> {
        KeyName::of_log(&origin, OrganizationId::INSTALLATION)?;
        Ok(Self { origin, key })
    }

    /// The name of the installation.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The public key, which all logs share.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.key.public_key()
    }

    /// Returns the name of an organization's log.
    #[must_use]
    pub fn name(&self, organization: OrganizationId) -> KeyName {
        KeyName::of_log(&self.origin, organization).expect("identifiers of organizations have the same length")
    }

    /// Returns the key with which others verify the notes of an organization's log.
    #[must_use]
    pub fn verifier_key(&self, organization: OrganizationId) -> VerifierKey {
        VerifierKey::of_log(self.name(organization), self.public_key())
    }

    /// Returns the text of the note about a tree; `None` if this is not the signature of it under the log's present name.
    pub(crate) fn note(
        &self,
        organization: OrganizationId,
        size: u64,
        root: Hash,
        signature: &Signature,
    ) -> Option<String> {
        // Ed25519 has one signature of a text.
        let is_own = self.sign_tree(organization, size, root) == *signature;
        let note = self.head(organization, size, root).to_note(self.public_key(), signature);
        is_own.then(|| note.to_string())
    }

    /// Returns the head of an organization's log with this tree.
    pub(crate) fn head(&self, organization: OrganizationId, size: u64, root: Hash) -> TreeHead {
        TreeHead { origin: self.name(organization), size, root }
    }
}

impl TreeHeadSigner for LogSigner {
    fn sign_tree(&self, organization: OrganizationId, size: u64, root: Hash) -> Signature {
        self.head(organization, size, root).sign(&*self.key)
    }
}
