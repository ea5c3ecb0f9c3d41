//! Verification that an entry is one of the tree whose head this installation has signed: whoever can write to the database
//! could have added it.

use audit::{StoredEntry, hash_entry, leaf_hash, tables::StoredHead, verify_inclusion};
use kernel::StoreError;

use crate::{log::StoredLog, proofs::ProofError};

/// Returns whether an entry is in the tree of a head, which must be verified.
///
/// # Errors
/// [`StoreError`] if the store fails.
pub(crate) async fn is_in_tree(log: &StoredLog, head: &StoredHead, stored: &StoredEntry) -> Result<bool, StoreError> {
    let (Some(tree), Some(seal)) = (&head.tree, stored.seal) else { return Ok(false) };
    let Ok(index) = u64::try_from(seal.sequence - 1) else { return Ok(false) };
    // It may be newer than the head that was read.
    if index >= tree.size() {
        return Ok(false);
    }
    let leaf = leaf_hash(hash_entry(&stored.entry, seal.sequence, seal.previous_hash));
    match log.inclusion_proof(head.organization, index, tree.size()).await {
        Ok(proof) => Ok(verify_inclusion(leaf, index, tree.size(), tree.root(), &proof)),
        Err(ProofError::NoProof(_)) => Ok(false),
        Err(ProofError::Store(error)) => Err(error),
    }
}
