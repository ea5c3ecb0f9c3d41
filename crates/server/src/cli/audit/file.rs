//! Verifying an export: what an outsider runs, with the public key alone.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use audit::{Checkpoint, Verdict, Verification};
use serde_json::json;

use crate::{
    cli::{
        Output,
        audit::{
            Verify,
            exported::{Line, read, read_kept},
        },
    },
    failure::{Context as _, Failure},
};

/// Verifies an export and says what it found.
///
/// # Errors
/// The first fault, naming the entry, or what can't be read.
pub(crate) fn verify_file(verify: &Verify, output: Output) -> Result<(), Failure> {
    let (Some(export), Some(public_key)) = (&verify.file, &verify.public_key) else {
        return Err(Failure::usage("--file and --public-key go together"));
    };
    let pem = read_text(public_key)?;
    let key = crypto::CheckpointPublicKey::from_pem(&pem)
        .or_fail(|| format!("{} is no public key of checkpoints", public_key.display()))?;
    let kept = match &verify.checkpoint {
        Some(path) => read_kept(&read_text(path)?).or_fail(|| path.display().to_string())?,
        None => Vec::new(),
    };
    let (verdict, of_others) = walk(export, &key, kept)?;
    if verdict.signed_through < verdict.head.sequence {
        return Err(Failure::new(format!(
            "no checkpoint vouches for the entries from sequence {} on",
            verdict.signed_through + 1
        )));
    }
    let Verdict { entries, head, checkpoints, .. } = verdict;
    let document = json!({
        "ok": true, "entries": entries, "checkpoints": checkpoints, "checkpoints_of_others": of_others,
        "head": head.hash.to_string(),
    });
    output.show(&document, || {
        let others = match of_others {
            0 => String::new(),
            many => format!("; {many} of the checkpoints that were kept are of other logs"),
        };
        format!(
            "{entries} entries and {checkpoints} checkpoints are what was sealed and signed; the head is {}{others}",
            head.hash
        )
    })
}

fn read_text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).or_fail(|| format!("can't read {}", path.display()))
}

/// Gives also how many of the checkpoints that were kept are of other organizations, as a server's log has them all.
fn walk(
    export: &Path,
    key: &crypto::CheckpointPublicKey,
    mut kept: Vec<Checkpoint>,
) -> Result<(Verdict, usize), Failure> {
    let file = File::open(export).or_fail(|| format!("can't read {}", export.display()))?;
    let mut walk: Option<Verification<'_>> = None;
    let mut of_others = 0;
    for (place, line) in BufReader::new(file).lines().enumerate() {
        let at = || format!("{} line {}", export.display(), place + 1);
        let line = read(&line.or_fail(at)?).or_fail(at)?;
        let organization = match &line {
            Line::Entry { organization, .. } => *organization,
            Line::Checkpoint(checkpoint) => checkpoint.organization,
        };
        let walk = walk.get_or_insert_with(|| Verification::new(organization, key));
        let all = kept.len();
        kept.retain(|checkpoint| checkpoint.organization == organization);
        if all > 0 && kept.is_empty() {
            return Err(Failure::new(format!("none of the {all} checkpoints that were kept is of {organization}")));
        }
        of_others += all - kept.len();
        for checkpoint in kept.drain(..) {
            walk.checkpoint(&checkpoint).or_fail(|| "a checkpoint that was kept".to_owned())?;
        }
        match line {
            Line::Entry { link, .. } => walk.entry(&link).or_fail(at)?,
            Line::Checkpoint(checkpoint) => walk.checkpoint(&checkpoint).or_fail(at)?,
        }
    }
    let walk = walk.ok_or_else(|| Failure::new(format!("{} holds no entries", export.display())))?;
    Ok((walk.finish()?, of_others))
}
