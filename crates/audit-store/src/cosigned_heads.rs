//! The heads of the installation's log that witnesses have cosigned. That log names the heads of all others, so witnesses
//! need to follow no other one.

use std::sync::Arc;

use audit::{
    NoteVerifier, SignatureKind, SignedNote, TreeHead, VerifierKey,
    tables::{CosignatureTable, CosignedRow},
};
use kernel::{OrganizationId, StoreError, Timestamp};

use crate::log_signer::LogSigner;

const LOG: OrganizationId = OrganizationId::INSTALLATION;

/// A head that a witness has cosigned, whose signatures were verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CosignedHead {
    /// The key of the witness.
    pub witness: VerifierKey,
    /// The head.
    pub head: TreeHead,
    /// The note with the signature of the log, and that of the witness.
    pub note: SignedNote,
    /// The time that the witness has signed.
    pub signed_at: Timestamp,
}

/// The stored state of the witnesses of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredCosignatures {
    /// The newest head that each witness has cosigned, in the order of the witnesses.
    pub heads: Vec<CosignedHead>,
    /// The witnesses whose stored note does not verify: somebody has written to the database.
    pub invalid: Vec<VerifierKey>,
}

/// Reads and stores the heads that witnesses have cosigned. Nothing that is read counts before its signatures are verified.
pub struct CosignedHeads {
    table: Arc<dyn CosignatureTable>,
    signer: LogSigner,
    verifier: Arc<dyn NoteVerifier>,
    witnesses: Vec<VerifierKey>,
}

impl CosignedHeads {
    /// Creates the reader for these witnesses and the log with the names of this signer.
    #[must_use]
    pub fn new(
        table: Arc<dyn CosignatureTable>,
        signer: LogSigner,
        verifier: Arc<dyn NoteVerifier>,
        witnesses: Vec<VerifierKey>,
    ) -> Self {
        Self { table, signer, verifier, witnesses }
    }

    /// Verifies a note with the key of the log and that of a witness, both of which must have signed it. `None` if it does
    /// not verify.
    #[must_use]
    pub fn verify(&self, witness: &VerifierKey, note: SignedNote) -> Option<CosignedHead> {
        if witness.kind != SignatureKind::Cosignature {
            return None;
        }
        let log = self.signer.verifier_key(LOG);
        let verified = TreeHead::verify(&note, &log, std::slice::from_ref(witness), &*self.verifier).ok()?;
        let seconds = verified.cosignatures.first()?.signed_at?;
        let signed_at = Timestamp::from_millis(i64::try_from(seconds).ok()?.saturating_mul(1000));
        Some(CosignedHead { witness: witness.clone(), head: verified.head, note, signed_at })
    }

    /// Returns the newest head that each witness has cosigned.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    pub async fn read(&self) -> Result<StoredCosignatures, StoreError> {
        let mut stored = StoredCosignatures::default();
        if self.witnesses.is_empty() {
            return Ok(stored);
        }
        let names: Vec<String> = self.witnesses.iter().map(VerifierKey::to_string).collect();
        let rows = self.table.cosigned(LOG, self.signer.name(LOG).as_str(), &names).await?;
        for (witness, name) in self.witnesses.iter().zip(&names) {
            let Some(row) = rows.iter().find(|row| row.witness == *name) else { continue };
            let note = std::str::from_utf8(&row.note).ok().and_then(|note| SignedNote::parse(note).ok());
            match note.and_then(|note| self.verify(witness, note)) {
                Some(head) => stored.heads.push(head),
                None => stored.invalid.push(witness.clone()),
            }
        }
        Ok(stored)
    }

    /// Stores heads, each in the place of the one that its witness has cosigned before.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    pub async fn store(&self, heads: &[CosignedHead]) -> Result<(), StoreError> {
        let row = |head: &CosignedHead| CosignedRow {
            organization: LOG,
            origin: head.head.origin.to_string(),
            witness: head.witness.to_string(),
            note: head.note.to_string().into_bytes(),
        };
        if heads.is_empty() {
            return Ok(());
        }
        self.table.store_cosigned(&heads.iter().map(row).collect::<Vec<_>>()).await
    }
}

impl StoredCosignatures {
    /// Returns the newest head that any witness has cosigned, as a note with the signature of the log and those of all
    /// witnesses that have cosigned it; `None` if none has.
    #[must_use]
    pub fn newest(self) -> Option<(TreeHead, SignedNote)> {
        let size = self.heads.iter().map(|head| head.head.size).max()?;
        let mut of_size = self.heads.into_iter().filter(|head| head.head.size == size);
        let CosignedHead { head, mut note, .. } = of_size.next()?;
        for other in of_size.filter(|other| other.head == head) {
            for line in other.note.signatures() {
                if !note.signatures().contains(line) {
                    note.add(line.clone());
                }
            }
        }
        Some((head, note))
    }
}
