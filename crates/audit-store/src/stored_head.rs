//! Verifying that a head is as this installation has stored it: by its signature, by its tag, and by the checkpoints that are
//! kept. The checkpoint covers only the hash of its last entry, and the note is about the tree under one name, so the tag
//! covers the rest.

use audit::{AuditTables, Checkpoint, CheckpointSigner, Head, RowKey, Signature, tables::StoredHead};
use kernel::{StoreError, Timestamp, Ulid};

use crate::keys::SealerKeys;

/// Verifies that this installation has stored the head as it is, and that no checkpoint is kept of a later one.
///
/// # Errors
/// [`StoreError::Corrupt`] if it has not; any other if the store fails.
pub async fn verify_head(tables: &dyn AuditTables, keys: &SealerKeys, head: &StoredHead) -> Result<(), StoreError> {
    verify_signature(tables, &*keys.checkpoints, head).await?;
    verify_tag(&*keys.rows, head)?;
    match tables.checkpoints(head.organization, head.head.sequence, 1).await?.first() {
        None => Ok(()),
        Some(later) => Err(fault(format!(
            "the stored head, entry {}, was set back: a checkpoint of entry {} is kept",
            head.head.sequence, later.sequence
        ))),
    }
}

/// Verifies that this installation has signed the head, and returns the time and the signature of its checkpoint.
///
/// # Errors
/// [`StoreError::Corrupt`] if it has not.
pub(crate) async fn verify_signature(
    tables: &dyn AuditTables,
    signer: &dyn CheckpointSigner,
    stored: &StoredHead,
) -> Result<(Timestamp, Signature), StoreError> {
    let (organization, Head { sequence, hash }) = (stored.organization, stored.head);
    let (signed_at, signature) = match &stored.signed {
        Some(signed) => (signed.signed_at, signed.checkpoint),
        // A head from before signatures were stored with it has the checkpoint of its batch.
        None => {
            let kept = tables.checkpoints(organization, sequence - 1, 1).await?;
            let checkpoint = kept.first().filter(|kept| kept.sequence == sequence && kept.hash == hash);
            let checkpoint = checkpoint.ok_or_else(|| fault("the stored head has no signature"))?;
            (checkpoint.signed_at, checkpoint.signature)
        }
    };
    // A signature by the same key of the same message is the same.
    if Checkpoint::sign(signer, organization, sequence, hash, signed_at).signature == signature {
        Ok((signed_at, signature))
    } else {
        Err(fault("the stored head was not signed by this installation"))
    }
}

/// Returns the tag of a head with the signature of its note. It covers everything except what was removed and the
/// checkpoint, which is verified by itself.
#[must_use]
pub fn head_tag(key: &dyn RowKey, head: &StoredHead, note: Option<&Signature>) -> [u8; 32] {
    key.tag(&message(head, note))
}

/// Verifies the tag of a head.
///
/// # Errors
/// [`StoreError::Corrupt`] if it is not that of this installation.
pub(crate) fn verify_tag(key: &dyn RowKey, head: &StoredHead) -> Result<(), StoreError> {
    let is_own = match &head.signed {
        Some(signed) => key.verify(&message(head, signed.note.as_ref()), &signed.tag),
        // It is one that the migration has made: all of its entries are of the old form, and it has no tree.
        None => {
            let has_tree = head.tree.as_ref().is_some_and(|tree| tree.size() > 0);
            !has_tree && head.old_through == head.head.sequence && head.high_id == Ulid::nil() && head.late_ms == 0
        }
    };
    is_own.then_some(()).ok_or_else(|| fault("the stored head is not as this installation has stored it"))
}

fn message(head: &StoredHead, note: Option<&Signature>) -> Vec<u8> {
    let mut message = b"novantra/audit-head\0".to_vec();
    message.extend(head.organization.ulid().0.to_be_bytes());
    message.extend(head.head.sequence.to_be_bytes());
    message.extend(head.head.hash.0);
    message.extend(head.high_id.0.to_be_bytes());
    message.extend(head.late_ms.to_be_bytes());
    message.extend(head.old_through.to_be_bytes());
    message.push(u8::from(note.is_some()));
    message.extend(note.iter().flat_map(|note| note.0));
    message.push(u8::from(head.tree.is_some()));
    message.extend(head.tree.iter().flat_map(|tree| tree.edge()).flat_map(|hash| hash.0));
    message
}

fn fault(text: impl Into<String>) -> StoreError {
    StoreError::Corrupt(text.into().into())
}
