//! A check of what is stored, without decoding segments: their digests, and the roots of blocks in the tiles.

use std::collections::BTreeMap;

use audit::{
    AuditTables, BLOCK_ENTRIES, Hash,
    tables::{BodyRange, RunTable, StoredHead},
};
use audit_runs::{Dictionary, Header};
use kernel::{OrganizationId, StoreError};

use crate::{
    blocks::{HashedBlock, SEGMENT_ENTRIES, end_of, hash_block, hash_run, removed_leaves},
    damage::{ChainFailure, Damage},
    tiles::stored_tree,
};

/// The number of segments whose bodies are read at a time.
const SEGMENTS_PER_READ: usize = 8;

/// The number of runs whose bodies are read at a time.
const RUNS_PER_READ: usize = 64;

/// The number of blocks whose roots are in one tile.
const TILE_BLOCKS: i64 = 256;

/// What a check of bodies has read and found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckedBodies {
    /// The number of segments whose digests were compared.
    pub segments: u64,
    /// The number of segments whose bodies are in the archive, which were not read.
    pub archived: u64,
    /// The number of runs whose entries were hashed.
    pub runs: u64,
    /// The ranges of entries that are not as they were sealed.
    pub damages: Vec<Damage>,
}

/// Compares the digest of each segment with its body, and the roots in its header with the tiles. A segment that differs
/// is decoded, to name the blocks that are damaged. The runs after the segments have no digest: their entries are hashed,
/// and the tree over all is compared with the head.
///
/// # Errors
/// [`StoreError`] if the store fails.
pub async fn check_bodies(tables: &dyn AuditTables, organization: OrganizationId) -> Result<CheckedBodies, StoreError> {
    let mut checked = CheckedBodies::default();
    let mut tiles = BTreeMap::new();
    let (mut from, mut next) = (0, None);
    loop {
        let digests = tables.digests(organization, from, SEGMENTS_PER_READ).await?;
        let bodies = bodies(tables, organization, RunTable::Segments, digests.iter().map(|(first, _)| *first)).await?;
        for ((first, digest), body) in digests.iter().zip(bodies) {
            checked.damages.extend(gap(organization, next, *first));
            (from, next) = (first + 1, Some(end_of(*first, SEGMENT_ENTRIES) + 1));
            let Some(body) = body else {
                checked.archived += 1;
                continue;
            };
            checked.segments += 1;
            let roots = tile_roots(tables, organization, *first, &mut tiles).await?;
            checked.damages.extend(check_segment(organization, *first, *digest, &body, &roots));
        }
        if digests.len() < SEGMENTS_PER_READ {
            break;
        }
    }
    check_runs(tables, organization, next, &mut checked).await?;
    Ok(checked)
}

/// Returns the entries that are missing before a segment or run.
fn gap(organization: OrganizationId, next: Option<i64>, first: i64) -> Option<Damage> {
    let next = next.filter(|next| *next < first)?;
    Some(Damage::new(organization, (next, first - 1), "the segments or runs are missing"))
}

fn check_segment(organization: OrganizationId, first: i64, digest: Hash, body: &[u8], roots: &[Hash]) -> Vec<Damage> {
    let range = (first, end_of(first, SEGMENT_ENTRIES));
    if Hash::digest(body) != digest {
        let damaged = damaged_blocks(organization, range, body);
        let reason = "the body of the segment does not have its digest, although its entries have their hashes";
        return if damaged.is_empty() { vec![Damage::new(organization, range, reason)] } else { damaged };
    }
    let Ok(header) = Header::parse(body) else {
        return vec![Damage::new(organization, range, "the body of the segment is none, although it has its digest")];
    };
    // The header does not state the root of a block of which the first entries were removed before there was a tree.
    let blocks = header.anchors.iter().enumerate().map(|(number, anchor)| (header.sequences(number), anchor.root));
    let whole = blocks.filter(|(sequences, _)| sequences.start % BLOCK_ENTRIES == 1);
    let differs = whole.filter(|(sequences, root)| {
        let position = usize::try_from((sequences.start - 1) % SEGMENT_ENTRIES / BLOCK_ENTRIES).unwrap_or(usize::MAX);
        roots.get(position) != Some(root)
    });
    let damage = |(sequences, _): (std::ops::Range<i64>, Hash)| {
        let range = (sequences.start, sequences.end - 1);
        Damage::new(organization, range, "the tiles of the tree do not have the root of the block")
    };
    differs.map(damage).collect()
}

/// Returns the blocks of a segment whose entries can't be read, or do not have their hashes.
fn damaged_blocks(organization: OrganizationId, range: (i64, i64), body: &[u8]) -> Vec<Damage> {
    let damage = |reason: String| vec![Damage::new(organization, range, reason)];
    let header = match Header::parse(body) {
        Ok(header) if (header.organization, header.first_sequence) == (organization, range.0) => header,
        Ok(_) => return damage("its header is that of another run".to_owned()),
        Err(fault) => return damage(fault.to_string()),
    };
    let dictionary = Dictionary::decode(&header, body.get(header.dictionary()).unwrap_or_default());
    let dictionary = match dictionary {
        Ok(dictionary) => dictionary,
        Err(fault) => return damage(fault.to_string()),
    };
    let mut damages = Vec::new();
    let mut before = None;
    for number in 0..header.blocks() {
        let bytes = body.get(header.block(number)).unwrap_or_default();
        match hash_block(organization, &header, &dictionary, number, bytes) {
            Ok((_, block)) => {
                if before.is_some_and(|before| before != block.before) {
                    let reason = "it does not begin with the hash that the block before it ends with";
                    damages.push(Damage::new(organization, block.range(), reason));
                }
                before = Some(block.last().hash);
            }
            Err(damage) => {
                damages.push(damage);
                before = None;
            }
        }
    }
    damages
}

/// Returns the roots of the blocks of a segment that are in the tiles.
async fn tile_roots(
    tables: &dyn AuditTables,
    organization: OrganizationId,
    first: i64,
    tiles: &mut BTreeMap<i64, Vec<Hash>>,
) -> Result<Vec<Hash>, StoreError> {
    let block = (first - 1) / SEGMENT_ENTRIES * (SEGMENT_ENTRIES / BLOCK_ENTRIES);
    let tile = block / TILE_BLOCKS;
    if !tiles.contains_key(&tile) {
        let rows = tables.tiles(organization, &[(1, tile)]).await?;
        let bytes = rows.first().map_or([].as_slice(), |row| &row.hashes);
        tiles.clear();
        tiles.insert(tile, bytes.as_chunks::<32>().0.iter().copied().map(Hash).collect());
    }
    let position = usize::try_from(block % TILE_BLOCKS).expect("a tile is small");
    Ok(tiles.get(&tile).into_iter().flatten().skip(position).take(16).copied().collect())
}

/// Hashes the entries of the runs after the segments, and compares the tree over all with the head.
async fn check_runs(
    tables: &dyn AuditTables,
    organization: OrganizationId,
    mut next: Option<i64>,
    checked: &mut CheckedBodies,
) -> Result<(), StoreError> {
    let recent = tables.recent(organization).await?;
    let (mut hashes, mut is_complete) = (Vec::new(), true);
    for keys in recent.runs.chunks(RUNS_PER_READ) {
        let bodies = bodies(tables, organization, RunTable::Runs, keys.iter().map(|run| run.first_sequence)).await?;
        for (run, body) in keys.iter().zip(bodies) {
            // A run that no longer exists was replaced: what replaced it is checked the next time.
            let Some(body) = body else {
                is_complete = false;
                continue;
            };
            checked.runs += 1;
            let missing = gap(organization, next, run.first_sequence);
            is_complete &= missing.is_none();
            checked.damages.extend(missing);
            next = Some(run.last_sequence + 1);
            match hash_run(organization, (run.first_sequence, run.last_sequence), &body) {
                Ok((_, blocks)) => hashes.extend(blocks),
                Err(damage) => {
                    checked.damages.push(damage);
                    is_complete = false;
                }
            }
        }
    }
    let Some(head) = recent.head.filter(|_| is_complete) else { return Ok(()) };
    match check_tree(tables, &head, &hashes).await {
        Ok(()) => Ok(()),
        Err(ChainFailure::Damage(damage)) => {
            checked.damages.push(damage);
            Ok(())
        }
        Err(ChainFailure::Store(error)) => Err(error),
    }
}

async fn check_tree(tables: &dyn AuditTables, head: &StoredHead, blocks: &[HashedBlock]) -> Result<(), ChainFailure> {
    let organization = head.organization;
    let Some(tree) = head.tree.as_ref().filter(|_| head.old_through == 0) else { return Ok(()) };
    let first = blocks.first().map_or(head.head.sequence + 1, |block| block.first_sequence);
    let mut stored = stored_tree(tables, organization, (first - 1) / BLOCK_ENTRIES).await?;
    let mut last = first - 1;
    for block in blocks {
        last = block.last().sequence;
        // Leaves stand for entries of the first block that were removed before there was a tree.
        let missing = block.first_sequence - 1 - i64::try_from(stored.size()).unwrap_or(i64::MAX);
        removed_leaves(missing, block.before).for_each(|hash| stored.push(hash));
        block.hashes.iter().for_each(|hash| stored.push(*hash));
    }
    // The head was read after the runs, and may be further.
    if last == head.head.sequence && stored != *tree {
        let reason = "the tree over the stored blocks is not that of the head";
        return Err(Damage::new(organization, (1, last), reason).into());
    }
    Ok(())
}

async fn bodies(
    tables: &dyn AuditTables,
    organization: OrganizationId,
    table: RunTable,
    first_sequences: impl Iterator<Item = i64>,
) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
    let body = |first_sequence| BodyRange { table, first_sequence, offset: 0, length: usize::MAX };
    tables.bodies(organization, &first_sequences.map(body).collect::<Vec<_>>()).await
}
