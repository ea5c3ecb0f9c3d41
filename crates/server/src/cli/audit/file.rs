//! Verification of an export, which needs only the public key.

use std::{collections::BTreeMap, fs::File, io::BufReader, path::Path};

use audit::{Hash, SignatureKind, VerifiedChain, VerifierKey};
use crypto::{CheckpointPublicKey, Ed25519NoteVerifier, ExportFault, VerifiedExport, verify_export};
use serde_json::json;

use super::{
    archive_file::{are_objects, verify_objects},
    kept_heads::{KeptHeads, KeptNote},
};
use crate::{
    cli::{Output, audit::Verify},
    failure::{Failure, ResultExt as _},
};

/// Verifies an export and prints the result.
///
/// # Errors
/// The first entry or checkpoint that does not verify, or a file that can't be read.
pub(crate) fn verify_file(verify: &Verify, output: Output) -> Result<(), Failure> {
    let ([export, others @ ..], Some(public_key)) = (verify.files.as_slice(), &verify.public_key) else {
        return Err(Failure::usage("--file and --public-key must be given together"));
    };
    let keys = std::fs::read_to_string(public_key).context(|| format!("can't read {}", public_key.display()))?;
    let key = CheckpointPublicKey::from_pem(&keys)
        .context(|| format!("{} is not the public key of checkpoint signatures", public_key.display()))?;
    let kept = KeptHeads::read(verify.checkpoint.as_deref())?;
    if verify.cosigned > 0 && kept.notes.is_empty() {
        return Err(Failure::usage(
            "--cosigned requires a note of the log in the --checkpoint file: only a note is cosigned",
        ));
    }
    let (witnesses, logs) =
        verifier_keys(&keys).into_iter().partition::<Vec<_>, _>(|key| key.kind == SignatureKind::Cosignature);
    let verify_notes = |notes: &[KeptNote]| {
        for note in notes {
            note.verify_witnesses(&witnesses, verify.cosigned, &Ed25519NoteVerifier).map_err(Failure::new)?;
        }
        verified_roots(notes, &logs, public_key)
    };
    if are_objects(&verify.files) {
        return verify_objects(&verify.files, &key, kept, verify_notes, output);
    }
    if !others.is_empty() {
        return Err(Failure::usage("--file takes one export, or objects of the archive, whose names end with .nva"));
    }
    let KeptHeads { checkpoints, notes } = kept;
    let roots = verify_notes(&notes)?;
    let file = File::open(export).context(|| format!("can't read {}", export.display()))?;
    let verified =
        verify_export(BufReader::new(file), &key, checkpoints, roots).map_err(|fault| failure(export, &fault))?;
    let VerifiedExport { chain, foreign_checkpoints } = verified;
    let VerifiedChain { entries, head, checkpoints, removed_through, .. } = chain;
    let document = json!({
        "ok": true, "entries": entries, "checkpoints": checkpoints, "checkpoints_of_others": foreign_checkpoints,
        "notes": notes.len(), "head": head.hash.to_string(), "removed_through": removed_through,
    });
    output.print(&document, || {
        let others = match foreign_checkpoints {
            0 => String::new(),
            count => {
                format!("; {count} of the checkpoints in the --checkpoint file belong to other logs and were ignored")
            }
        };
        let notes = if notes.is_empty() { String::new() } else { format!("; {} notes are of this log", notes.len()) };
        format!(
            "{entries} entries and {checkpoints} checkpoints are as sealed and signed; the head is {}{notes}{others}",
            head.hash
        )
    })
}

/// The verifier keys in a file, each in a line of its own.
fn verifier_keys(text: &str) -> Vec<VerifierKey> {
    text.lines().filter_map(|line| line.trim().parse().ok()).collect()
}

/// Verifies the notes, and returns the roots of their trees by the numbers of entries.
fn verified_roots(notes: &[KeptNote], keys: &[VerifierKey], file: &Path) -> Result<BTreeMap<u64, Hash>, Failure> {
    let mut roots = BTreeMap::new();
    for note in notes {
        let key = keys.iter().find(|key| key.name == note.head.origin).ok_or_else(|| {
            Failure::new(format!(
                "a note in the --checkpoint file is of {}, whose verifier key is not in {}: add the line that `novantra audit \
                 public-key --note` prints",
                note.head.origin,
                file.display()
            ))
        })?;
        note.verify(key.public_key, &Ed25519NoteVerifier).map_err(Failure::new)?;
        roots.insert(note.head.size, note.head.root);
    }
    Ok(roots)
}

/// Describes a fault of an export with the names of the files.
fn failure(export: &Path, fault: &ExportFault) -> Failure {
    match fault {
        ExportFault::Line { number, reason } => Failure::new(format!("{} line {number}: {reason}", export.display())),
        ExportFault::KeptCheckpoint(fault) => Failure::new(format!("a checkpoint in the --checkpoint file: {fault}")),
        ExportFault::OnlyForeignCheckpoints { count, organization } => Failure::new(format!(
            "none of the {count} checkpoints in the --checkpoint file belongs to {organization}, whose export this is"
        )),
        ExportFault::Empty => Failure::new(format!("{} contains no entries", export.display())),
        ExportFault::Chain(_)
        | ExportFault::Unsigned { .. }
        | ExportFault::OtherTree { .. }
        | ExportFault::BeforeNote { .. }
        | ExportFault::NoTree => Failure::new(fault.to_string()),
    }
}
