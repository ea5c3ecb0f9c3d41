//! Verification of objects of the archive, which needs neither a server nor a database.

use std::{collections::BTreeMap, path::PathBuf};

use audit::{CheckpointVerifier as _, Hash};
use audit_runs::ArchiveObject;
use audit_store::ArchiveVerifier;
use crypto::CheckpointPublicKey;
use serde_json::json;

use crate::{
    cli::{
        Output,
        audit::kept_heads::{KeptHeads, KeptNote},
    },
    failure::{Failure, ResultExt as _},
};

/// Whether these are the names of objects.
pub(super) fn are_objects(files: &[PathBuf]) -> bool {
    files.iter().all(|file| file.extension().is_some_and(|extension| extension == "nva"))
}

/// Verifies objects in the order of their entries, and prints the result.
///
/// # Errors
/// The first range of entries that does not verify, or a file that can't be read.
pub(super) fn verify_objects(
    files: &[PathBuf],
    key: &CheckpointPublicKey,
    mut kept: KeptHeads,
    verify_notes: impl FnOnce(&[KeptNote]) -> Result<BTreeMap<u64, Hash>, Failure>,
    output: Output,
) -> Result<(), Failure> {
    for checkpoint in &kept.checkpoints {
        if !key.verify(checkpoint.message().as_bytes(), &checkpoint.signature) {
            let sequence = checkpoint.sequence;
            return Err(Failure::new(format!("the checkpoint at sequence {sequence} has an invalid signature")));
        }
    }
    let (mut ordered, mut organizations) = (BTreeMap::new(), Vec::new());
    for file in files {
        let bytes = read(file)?;
        let object = ArchiveObject::parse(&bytes).map_err(|fault| {
            Failure::new(format!("{}: it is not an object of the archive, or was changed: {fault}", file.display()))
        })?;
        ordered.insert(object.first_sequence, file);
        organizations.push(object.organization);
    }
    // A server logs the checkpoints of all its logs.
    kept.notes.retain(|note| organizations.contains(&note.organization));
    let roots = verify_notes(&kept.notes)?;
    let mut verifier = ArchiveVerifier::new(kept.checkpoints, roots);
    for file in ordered.values() {
        verifier.push(&read(file)?).map_err(|fault| Failure::new(format!("{}: {fault}", file.display())))?;
    }
    let verified = verifier.finish().map_err(|fault| Failure::new(fault.to_string()))?;
    let (first, last, through) = (verified.first_sequence, verified.last, verified.signed_through);
    let document = json!({
        "ok": true, "organization": verified.organization.to_string(), "first_sequence": first,
        "last_sequence": last.sequence, "head": last.hash.to_string(), "compared": verified.compared,
        "signed_through": through,
    });
    output.print(&document, || {
        let rest = if through < last.sequence {
            format!(
                "; those from {} on are chained to them, but no checkpoint in the --checkpoint file covers them",
                through + 1
            )
        } else {
            String::new()
        };
        format!(
            "the entries {first} to {through} are as sealed and signed{rest}; the last of them has the hash {}",
            last.hash
        )
    })
}

fn read(file: &PathBuf) -> Result<Vec<u8>, Failure> {
    let doing = || format!("can't read {}", file.display());
    let length = std::fs::metadata(file).context(doing)?.len();
    if length > ArchiveObject::MAX_LENGTH as u64 {
        return Err(Failure::new(format!("{} is too long for an object of the archive", file.display())));
    }
    std::fs::read(file).context(doing)
}
