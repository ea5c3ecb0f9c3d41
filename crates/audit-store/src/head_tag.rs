//! The tag of a head: the checkpoint covers only the hash of its last entry, and the note is about the tree under one name.

use audit::{RowKey, tables::StoredHead};
use kernel::StoreError;

/// Returns the tag of a head, which covers everything except what was removed and the signatures.
#[must_use]
pub fn head_tag(key: &dyn RowKey, head: &StoredHead) -> [u8; 32] {
    key.tag(&message(head))
}

/// Verifies that this installation has stored the head as it is.
///
/// # Errors
/// [`StoreError::Corrupt`] if it has not.
pub(crate) fn verify_tag(key: &dyn RowKey, head: &StoredHead) -> Result<(), StoreError> {
    let is_own = match &head.signed {
        Some(signed) => key.verify(&message(head), &signed.tag),
        // A program from before there were tags has built no tree.
        None => head.tree.as_ref().is_none_or(|tree| tree.size() == 0),
    };
    let altered = || StoreError::Corrupt("the stored head is not as this installation has stored it".into());
    is_own.then_some(()).ok_or_else(altered)
}

fn message(head: &StoredHead) -> Vec<u8> {
    let mut message = b"novantra/audit-head\0".to_vec();
    message.extend(head.organization.ulid().0.to_be_bytes());
    message.extend(head.head.sequence.to_be_bytes());
    message.extend(head.head.hash.0);
    message.extend(head.high_id.0.to_be_bytes());
    message.extend(head.late_ms.to_be_bytes());
    message.extend(head.old_through.to_be_bytes());
    message.push(u8::from(head.tree.is_some()));
    message.extend(head.tree.iter().flat_map(|tree| tree.edge()).flat_map(|hash| hash.0));
    message
}
