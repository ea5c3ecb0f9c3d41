//! Verification of an export, which needs only the public key.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use audit::{ChainVerifier, Checkpoint, Head, VerifiedChain};
use serde_json::json;

use crate::{
    cli::{
        Output,
        audit::{
            Verify,
            exported::{Line, read, read_checkpoints},
        },
    },
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
    let (chain, of_others) = verify_export(export, &key, checkpoints)?;
    if chain.signed_through < chain.head.sequence {
        return Err(Failure::new(format!(
            "no checkpoint signs the entries from sequence {} on",
            chain.signed_through + 1
        )));
    }
    let VerifiedChain { entries, head, checkpoints, removed_through, .. } = chain;
    let document = json!({
        "ok": true, "entries": entries, "checkpoints": checkpoints, "checkpoints_of_others": of_others,
        "head": head.hash.to_string(), "removed_through": removed_through,
    });
    output.print(&document, || {
        let others = match of_others {
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

/// The last entry that was removed before an export was made, according to its first line. The chain must record it.
fn start_of_export(first: &Line) -> Head {
    match first {
        Line::Entry { link, .. } if link.sequence > 1 => Head { sequence: link.sequence - 1, hash: link.previous_hash },
        _ => Head::EMPTY,
    }
}

fn read_text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).context(|| format!("can't read {}", path.display()))
}

/// Verifies the lines of the export and the `checkpoints` stored elsewhere. Also returns how many of those belong to
/// other organizations: a server logs the checkpoints of all.
fn verify_export(
    export: &Path,
    key: &crypto::CheckpointPublicKey,
    mut checkpoints: Vec<Checkpoint>,
) -> Result<(VerifiedChain, usize), Failure> {
    let file = File::open(export).context(|| format!("can't read {}", export.display()))?;
    let mut verification: Option<ChainVerifier<'_>> = None;
    let mut of_others = 0;
    for (index, line) in BufReader::new(file).lines().enumerate() {
        let at = || format!("{} line {}", export.display(), index + 1);
        let line = read(&line.context(at)?).context(at)?;
        let organization = match &line {
            Line::Entry { organization, .. } => *organization,
            Line::Checkpoint(checkpoint) => checkpoint.organization,
        };
        let verification = verification
            .get_or_insert_with(|| ChainVerifier::starting_after(start_of_export(&line), organization, key));
        let all = checkpoints.len();
        checkpoints.retain(|checkpoint| checkpoint.organization == organization);
        if all > 0 && checkpoints.is_empty() {
            return Err(Failure::new(format!(
                "none of the {all} checkpoints in the --checkpoint file belongs to {organization}, whose export this is"
            )));
        }
        of_others += all - checkpoints.len();
        for checkpoint in checkpoints.drain(..) {
            verification
                .verify_checkpoint(&checkpoint)
                .context(|| "a checkpoint in the --checkpoint file".to_owned())?;
        }
        match line {
            Line::Entry { link, .. } => verification.verify_entry(&link).context(at)?,
            Line::Checkpoint(checkpoint) => verification.verify_checkpoint(&checkpoint).context(at)?,
        }
    }
    let verification = verification.ok_or_else(|| Failure::new(format!("{} contains no entries", export.display())))?;
    Ok((verification.finish()?, of_others))
}
