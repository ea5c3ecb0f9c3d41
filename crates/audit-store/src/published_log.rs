//! The parts of the logs that others verify: heads as signed notes, proofs, and tiles.

use std::sync::Arc;

use audit::{
    AuditTables, Hash, NoProof, NoteVerifier, SignedNote, Tile, TlogProof, TreeHead, VerifierKey, tables::StoredHead,
};
use kernel::{Entry, Id, OrganizationId, StoreError};

use crate::{cosigned_heads::CosignedHeads, log::StoredLog, log_signer::LogSigner, proofs::ProofError};

/// Reads what is published of the logs of an installation, each under its name.
pub struct PublishedLog {
    log: Arc<StoredLog>,
    tables: Arc<dyn AuditTables>,
    signer: LogSigner,
    verifier: Arc<dyn NoteVerifier>,
    cosigned: Option<CosignedHeads>,
}

/// The reason that something is not published.
#[derive(Debug, thiserror::Error)]
pub enum PublicationError {
    /// The log has no entry with this identifier.
    #[error("the log has no such entry")]
    NoEntry,
    /// The entry is not sealed yet.
    #[error("the entry is not sealed yet, which takes about a second: try again")]
    NotSealed,
    /// Nothing is sealed yet.
    #[error("no entry of this log is sealed yet, which takes about a second: try again")]
    Empty,
    /// The tree is not complete yet.
    #[error(
        "the entries of an earlier version are still converted in the background, and there are no proofs before: try again later"
    )]
    NoTree,
    /// The head is not signed under the present name of the log.
    #[error("the head of this log is not signed under its present name yet, which takes about a second: try again")]
    NotSigned,
    /// No witness has cosigned a head of the log of the installation.
    #[error("no witness has cosigned a head of the log of the installation yet, or none is configured")]
    NotCosigned,
    /// No witness has cosigned a head with the entry.
    #[error("no witness has cosigned a head of the log with this entry yet, which takes about a minute: try again")]
    EntryNotCosigned,
    /// The tree is smaller.
    #[error("the log has {size} entries, which are fewer")]
    Beyond {
        /// The number of entries.
        size: u64,
    },
    /// There is no proof between such trees.
    #[error(transparent)]
    NoProof(#[from] NoProof),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ProofError> for PublicationError {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::NoProof(missing) => Self::NoProof(missing),
            ProofError::Store(error) => Self::Store(error),
        }
    }
}

impl PublishedLog {
    /// Creates the reader of the logs over these tables, whose heads this signer signs.
    #[must_use]
    pub fn new(
        log: Arc<StoredLog>,
        tables: Arc<dyn AuditTables>,
        signer: LogSigner,
        verifier: Arc<dyn NoteVerifier>,
    ) -> Self {
        Self { log, tables, signer, verifier, cosigned: None }
    }

    /// Adds the heads that witnesses have cosigned.
    #[must_use]
    pub fn with_cosigned(self, cosigned: CosignedHeads) -> Self {
        Self { cosigned: Some(cosigned), ..self }
    }

    /// The logs.
    #[must_use]
    pub fn log(&self) -> &StoredLog {
        &self.log
    }

    /// Returns the key with which others verify the notes of an organization's log.
    #[must_use]
    pub fn verifier_key(&self, organization: OrganizationId) -> VerifierKey {
        self.signer.verifier_key(organization)
    }

    /// Returns the newest head of an organization's log, as the note that the sealer has signed.
    ///
    /// # Errors
    /// [`PublicationError`] if there is none, or the store fails.
    pub async fn head(&self, organization: OrganizationId) -> Result<(TreeHead, SignedNote), PublicationError> {
        let heads = self.tables.heads(&[organization]).await?;
        let stored = heads.into_iter().next().ok_or(PublicationError::Empty)?;
        self.note_of(&stored)
    }

    /// Returns the newest head of the log of the installation that a witness has cosigned, as a note with the signatures of
    /// all witnesses that have cosigned it.
    ///
    /// # Errors
    /// [`PublicationError`] if there is none, or the store fails.
    pub async fn cosigned_head(&self) -> Result<(TreeHead, SignedNote), PublicationError> {
        let cosigned = self.cosigned.as_ref().ok_or(PublicationError::NotCosigned)?;
        cosigned.read().await?.newest().ok_or(PublicationError::NotCosigned)
    }

    fn note_of(&self, stored: &StoredHead) -> Result<(TreeHead, SignedNote), PublicationError> {
        let tree = stored.tree.as_ref().ok_or(PublicationError::NoTree)?;
        let head = self.signer.head(stored.organization, tree.size(), tree.root());
        let public_key = self.signer.public_key();
        let signature = stored.signed.as_ref().and_then(|signed| signed.note).ok_or(PublicationError::NotSigned)?;
        if !self.verifier.verify(&public_key, head.text().as_bytes(), &signature) {
            // It was signed under another name, unless somebody changed it.
            self.log.verify_head_tag(stored)?;
            return Err(PublicationError::NotSigned);
        }
        let note = head.to_note(public_key, &signature);
        Ok((head, note))
    }

    /// Returns the proof that an organization's log has the entry with this identifier.
    ///
    /// # Errors
    /// [`PublicationError`] if there is none, or the store fails.
    pub async fn entry_proof(
        &self,
        organization: OrganizationId,
        id: Id<Entry>,
    ) -> Result<TlogProof, PublicationError> {
        let index = self.index_of(organization, id).await?;
        let (head, note) = self.head(organization).await?;
        let hashes = self.log.inclusion_proof(organization, index, head.size).await?;
        Ok(TlogProof { extra: None, index, hashes, head: note })
    }

    /// Returns the proof that the log of the installation has the entry with this identifier, under the newest head that a
    /// witness has cosigned.
    ///
    /// # Errors
    /// [`PublicationError`] if there is none, or the store fails.
    pub async fn cosigned_entry_proof(&self, id: Id<Entry>) -> Result<TlogProof, PublicationError> {
        let index = self.index_of(OrganizationId::INSTALLATION, id).await?;
        let (head, note) = self.cosigned_head().await?;
        if index >= head.size {
            return Err(PublicationError::EntryNotCosigned);
        }
        let hashes = self.log.inclusion_proof(OrganizationId::INSTALLATION, index, head.size).await?;
        Ok(TlogProof { extra: None, index, hashes, head: note })
    }

    /// Returns the index of a sealed entry in its tree.
    async fn index_of(&self, organization: OrganizationId, id: Id<Entry>) -> Result<u64, PublicationError> {
        let sequence = match self.log.sealed_entry(organization, id).await?.and_then(|sealed| sealed.seal()) {
            Some(seal) => seal.sequence,
            None if self.log.entry(organization, id).await?.is_some() => return Err(PublicationError::NotSealed),
            None => return Err(PublicationError::NoEntry),
        };
        Ok(u64::try_from(sequence - 1).unwrap_or_default())
    }

    /// Returns the proof that the tree with `to` entries of an organization's log begins with the one that has `from`.
    ///
    /// # Errors
    /// [`PublicationError`] if there is none, or the store fails.
    pub async fn consistency_proof(
        &self,
        organization: OrganizationId,
        from: u64,
        to: u64,
    ) -> Result<Vec<Hash>, PublicationError> {
        let (head, _) = self.head(organization).await?;
        if from > head.size || to > head.size {
            return Err(PublicationError::Beyond { size: head.size });
        }
        Ok(self.log.consistency_proof(organization, from, to).await?)
    }

    /// Returns the bytes of a tile of an organization's log; `None` if the log has no such tile, or its entries were
    /// removed.
    ///
    /// # Errors
    /// [`PublicationError`] if there is no head, or the store fails.
    pub async fn tile(&self, organization: OrganizationId, tile: &Tile) -> Result<Option<Vec<u8>>, PublicationError> {
        let (head, _) = self.head(organization).await?;
        if !tile.is_within(head.size) {
            return Ok(None);
        }
        Ok(self.log.tile(organization, tile).await?)
    }
}
