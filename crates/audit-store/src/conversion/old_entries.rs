//! Reading sealed entries of the old form, each of which must be as it was sealed.

use audit::{AuditTables, Hash, hash_entry, tables::StoredHead};
use audit_runs::RunEntry;

use crate::{
    blocks::{HashedBlock, divide},
    damage::{ChainFailure, Damage},
};

/// Consecutive entries that are as they were sealed.
pub(super) struct OldEntries {
    pub(super) entries: Vec<RunEntry>,
    pub(super) blocks: Vec<HashedBlock>,
    /// The hash of the entry before them.
    pub(super) before: Hash,
}

/// Reads the entries with these first and last sequences, recomputes their hashes and compares them with the stored ones
/// and the chain.
pub(super) async fn read_old_entries(
    tables: &dyn AuditTables,
    head: &StoredHead,
    (first, last): (i64, i64),
) -> Result<OldEntries, ChainFailure> {
    let organization = head.organization;
    let damage = |sequence: i64, reason: &str| Damage::new(organization, (sequence, sequence), reason);
    // The entry before them is read as well, for its hash, if it was not removed.
    let has_before = head.removed.sequence + 1 < first;
    let after = if has_before { first - 2 } else { first - 1 };
    let limit = usize::try_from(last - after).expect("a segment is small");
    let mut rows = tables.old_sealed(organization, after, limit).await?.into_iter();
    let before = if has_before {
        let seal = rows.next().and_then(|row| row.seal).filter(|seal| seal.sequence == first - 1);
        seal.ok_or_else(|| damage(first - 1, "the entry is missing"))?.hash
    } else {
        head.removed.hash
    };
    let (mut previous, mut expected) = (before, first);
    let (mut entries, mut hashes): (Vec<RunEntry>, Vec<Hash>) = (Vec::new(), Vec::new());
    for row in rows {
        let seal = row.seal.filter(|seal| seal.sequence == expected);
        let seal = seal.ok_or_else(|| damage(expected, "the entry is missing"))?;
        if seal.previous_hash != previous {
            return Err(damage(expected, "it is not chained to the entry before it").into());
        }
        let hash = hash_entry(&row.entry, expected, previous);
        if seal.hash != hash {
            return Err(
                damage(expected, "its content does not have the hash that was stored when it was sealed").into()
            );
        }
        entries.push(RunEntry::Entry(row.entry));
        hashes.push(hash);
        (previous, expected) = (hash, expected + 1);
    }
    if expected != last + 1 {
        return Err(damage(expected, "the entry is missing").into());
    }
    Ok(OldEntries { entries, blocks: divide(first, before, &hashes), before })
}
