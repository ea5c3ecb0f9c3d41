//! Verification of an export of the audit log, which needs only the public key.

use std::{collections::BTreeMap, io::BufRead};

use audit::{ChainVerifier, Checkpoint, Fault, Hash, Head, Link, Tree, VerifiedChain};
use kernel::OrganizationId;

use crate::{
    checkpoint::CheckpointPublicKey,
    exported_line::{Line, read},
};

/// The reason that an export does not verify.
#[derive(Debug, thiserror::Error)]
pub enum ExportFault {
    /// A line can't be read, or is not the expected one.
    #[error("line {number}: {reason}")]
    Line {
        /// The number of the line, from 1.
        number: usize,
        /// The reason.
        reason: String,
    },
    /// A checkpoint that was stored elsewhere is invalid.
    #[error("a checkpoint that was stored elsewhere: {0}")]
    KeptCheckpoint(#[source] Fault),
    /// None of the checkpoints that were stored elsewhere belongs to the export.
    #[error(
        "none of the {count} checkpoints that were stored elsewhere belongs to {organization}, whose export this is"
    )]
    OnlyForeignCheckpoints {
        /// The number of checkpoints.
        count: usize,
        /// The organization of the export.
        organization: OrganizationId,
    },
    /// The export has no line.
    #[error("the export contains no entries")]
    Empty,
    /// The chain does not end as it must.
    #[error(transparent)]
    Chain(#[from] Fault),
    /// The tree over the first entries is not the one that a note was signed for.
    #[error("the first {size} entries are not those of the note that was stored elsewhere: the log was rewritten")]
    OtherTree {
        /// The number of entries that the note covers.
        size: u64,
    },
    /// The chain ends before a note.
    #[error(
        "the chain ends at sequence {last}, but a note that was stored elsewhere covers {size} entries: the last entries were removed"
    )]
    BeforeNote {
        /// The sequence of the last entry.
        last: i64,
        /// The number of entries that the note covers.
        size: u64,
    },
    /// The export lacks the first entries, without which the tree can't be computed.
    #[error(
        "the export begins after its first entries, which were removed, so it can't be compared with notes: only a checkpoint as JSON can be"
    )]
    NoTree,
    /// The end of the chain is not signed.
    #[error("no checkpoint signs the entries from sequence {from} on")]
    Unsigned {
        /// The first sequence that no checkpoint covers.
        from: i64,
    },
}

/// A verified export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedExport {
    /// The chain.
    pub chain: VerifiedChain,
    /// The number of checkpoints stored elsewhere that belong to other organizations: a server logs those of all.
    pub foreign_checkpoints: usize,
}

/// Verifies the lines of an export against the public key, and against `kept` checkpoints and the `roots` of notes by the
/// number of entries that they cover, which were stored elsewhere.
///
/// An export has one spelling, byte for byte. So two exports of the same entries are the same, and no reader of JSON can
/// find anything in a verified export that was not verified.
///
/// # Errors
/// [`ExportFault`]: the first fault.
pub fn verify_export(
    mut export: impl BufRead,
    key: &CheckpointPublicKey,
    mut kept: Vec<Checkpoint>,
    mut roots: BTreeMap<u64, Hash>,
) -> Result<VerifiedExport, ExportFault> {
    let mut verification: Option<ChainVerifier<'_>> = None;
    let mut foreign_checkpoints = 0;
    let mut tree = Tree::default();
    let mut number = 0;
    let mut bytes = Vec::new();
    loop {
        number += 1;
        let at = |reason: String| ExportFault::Line { number, reason };
        bytes.clear();
        if export.read_until(b'\n', &mut bytes).map_err(|error| at(error.to_string()))? == 0 {
            break;
        }
        let line = bytes.strip_suffix(b"\n").ok_or_else(|| at("the line feed at its end is missing".to_owned()))?;
        let line = str::from_utf8(line).map_err(|_| at("it is not UTF-8".to_owned())).map(read)?.map_err(at)?;
        let organization = match &line {
            Line::Entry { organization, .. } => *organization,
            Line::Checkpoint(checkpoint) => checkpoint.organization,
        };
        let verification = verification
            .get_or_insert_with(|| ChainVerifier::starting_after(start_of_export(&line), organization, key));
        let count = kept.len();
        kept.retain(|checkpoint| checkpoint.organization == organization);
        if count > 0 && kept.is_empty() {
            return Err(ExportFault::OnlyForeignCheckpoints { count, organization });
        }
        foreign_checkpoints += count - kept.len();
        for checkpoint in kept.drain(..) {
            verification.verify_checkpoint(&checkpoint).map_err(ExportFault::KeptCheckpoint)?;
        }
        let verified = match line {
            Line::Entry { link, .. } => {
                let verified = verification.verify_entry(&link);
                if verified.is_ok() && !roots.is_empty() {
                    compare_tree(&mut tree, &link, &mut roots)?;
                }
                verified
            }
            Line::Checkpoint(checkpoint) => verification.verify_checkpoint(&checkpoint),
        };
        verified.map_err(|fault| at(fault.to_string()))?;
    }
    let chain = verification.ok_or(ExportFault::Empty)?.finish()?;
    if let Some(&size) = roots.keys().next_back() {
        return Err(ExportFault::BeforeNote { last: chain.head.sequence, size });
    }
    if chain.signed_through < chain.head.sequence {
        return Err(ExportFault::Unsigned { from: chain.signed_through + 1 });
    }
    Ok(VerifiedExport { chain, foreign_checkpoints })
}

/// Adds an entry that was verified to the tree, and compares it with the root of a note that covers as many entries.
fn compare_tree(tree: &mut Tree, link: &Link, roots: &mut BTreeMap<u64, Hash>) -> Result<(), ExportFault> {
    if tree.size() == 0 && link.sequence > 1 {
        return Err(ExportFault::NoTree);
    }
    tree.push(link.hash);
    match roots.remove(&tree.size()) {
        Some(root) if root != tree.root() => Err(ExportFault::OtherTree { size: tree.size() }),
        _ => Ok(()),
    }
}

/// The last entry that was removed before an export was made, according to its first line. The chain must record it.
fn start_of_export(first: &Line) -> Head {
    match first {
        Line::Entry { link, .. } if link.sequence > 1 => Head { sequence: link.sequence - 1, hash: link.previous_hash },
        _ => Head::EMPTY,
    }
}
