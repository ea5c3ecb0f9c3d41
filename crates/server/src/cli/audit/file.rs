//! Verification of an export, which needs only the public key.

use std::{fs::File, io::BufReader, path::Path};

use audit::VerifiedChain;
use crypto::{ExportFault, VerifiedExport, read_checkpoints, verify_export};
use serde_json::json;

use crate::{
    cli::{Output, audit::Verify},
    failure::{Failure, ResultExt as _},
};

/// Verifies an export and prints the result.
///
/// # Errors
/// The first entry or checkpoint that does not verify, or a file that can't be read.
pub(crate) fn verify_file(verify: &Verify, output: Output) -> Result<(), Failure> {
    let (Some(export), Some(public_key)) = (&verify.file, &verify.public_key) else {
        return Err(Failure::usage("--file and --public-key must be given together"));
    };
    let pem = read_text(public_key)?;
    let key = crypto::CheckpointPublicKey::from_pem(&pem)
        .context(|| format!("{} is not the public key of checkpoint signatures", public_key.display()))?;
    let checkpoints = match &verify.checkpoint {
        Some(path) => read_checkpoints(&read_text(path)?).context(|| path.display().to_string())?,
        None => Vec::new(),
    };
    let file = File::open(export).context(|| format!("can't read {}", export.display()))?;
    let verified = verify_export(BufReader::new(file), &key, checkpoints).map_err(|fault| failure(export, &fault))?;
    let VerifiedExport { chain, foreign_checkpoints } = verified;
    let VerifiedChain { entries, head, checkpoints, removed_through, .. } = chain;
    let document = json!({
        "ok": true, "entries": entries, "checkpoints": checkpoints, "checkpoints_of_others": foreign_checkpoints,
        "head": head.hash.to_string(), "removed_through": removed_through,
    });
    output.print(&document, || {
        let others = match foreign_checkpoints {
            0 => String::new(),
            count => {
                format!("; {count} of the checkpoints in the --checkpoint file belong to other logs and were ignored")
            }
        };
        format!(
            "{entries} entries and {checkpoints} checkpoints are as sealed and signed; the head is {}{others}",
            head.hash
        )
    })
}

fn read_text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).context(|| format!("can't read {}", path.display()))
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
        ExportFault::Chain(_) | ExportFault::Unsigned { .. } => Failure::new(fault.to_string()),
    }
}
