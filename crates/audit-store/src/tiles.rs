//! The stored tiles of the tree: level 1 has the roots of blocks, each level above it the roots of full tiles. They have
//! the blocks of all segments, and of what was removed.

use audit::{AuditTables, BLOCK_ENTRIES, BLOCK_LEVEL, Hash, Tree, tables::TileRow};
use kernel::OrganizationId;

use crate::damage::{ChainFailure, Damage};

/// The number of hashes of a full tile.
const TILE_HASHES: i64 = 256;

/// Returns the tiles that change when the roots of further blocks follow the first `blocks` ones.
pub(crate) async fn append_roots(
    tables: &dyn AuditTables,
    organization: OrganizationId,
    blocks: i64,
    roots: &[Hash],
) -> Result<Vec<TileRow>, ChainFailure> {
    let (mut level, mut stored, mut added) = (1, blocks, roots.to_vec());
    let mut changed = Vec::new();
    while !added.is_empty() {
        let mut tile = stored / TILE_HASHES;
        let mut hashes = stored_hashes(tables, organization, level, stored).await?;
        let mut full = Vec::new();
        for hash in added {
            hashes.push(hash);
            if hashes.len() == TILE_HASHES as usize {
                full.push(root(&hashes));
                changed.push(row(level, tile, &hashes));
                hashes.clear();
                tile += 1;
            }
        }
        if !hashes.is_empty() {
            changed.push(row(level, tile, &hashes));
        }
        (level, stored, added) = (level + 1, stored / TILE_HASHES, full);
    }
    Ok(changed)
}

/// Returns the tree over the first `blocks` blocks of a chain, from the stored tiles.
pub(crate) async fn stored_tree(
    tables: &dyn AuditTables,
    organization: OrganizationId,
    blocks: i64,
) -> Result<Tree, ChainFailure> {
    let mut tree = Tree::default();
    let mut levels: Vec<(i64, i64)> =
        (1..=8).map(|level| (level, blocks >> (8 * (level - 1)))).take_while(|(_, nodes)| *nodes > 0).collect();
    levels.reverse();
    for (level, nodes) in levels {
        for hash in stored_hashes(tables, organization, level, nodes).await? {
            tree.push_subtree(hash, BLOCK_LEVEL * u32::try_from(level).expect("there are few levels"));
        }
    }
    Ok(tree)
}

/// Returns the hashes of the last tile of a level, if the level has this number of nodes: none if all its tiles are full.
async fn stored_hashes(
    tables: &dyn AuditTables,
    organization: OrganizationId,
    level: i64,
    nodes: i64,
) -> Result<Vec<Hash>, ChainFailure> {
    let (tile, count) = (nodes / TILE_HASHES, nodes % TILE_HASHES);
    if count == 0 {
        return Ok(Vec::new());
    }
    let rows = tables.tiles(organization, &[(level, tile)]).await?;
    let bytes = rows.first().map_or([].as_slice(), |row| &row.hashes);
    let (hashes, rest) = bytes.as_chunks::<32>();
    // A tile may have more: those of a compaction that was stored in the meantime.
    match hashes.get(..usize::try_from(count).unwrap_or(usize::MAX)) {
        Some(hashes) if rest.is_empty() => Ok(hashes.iter().copied().map(Hash).collect()),
        _ => {
            let entries = BLOCK_ENTRIES << (8 * (level - 1));
            let range = (tile * TILE_HASHES * entries + 1, nodes * entries);
            let reason = format!("tile {tile} of level {level} does not have its {count} hashes");
            Err(Damage::new(organization, range, reason).into())
        }
    }
}

fn root(nodes: &[Hash]) -> Hash {
    let mut tree = Tree::default();
    nodes.iter().for_each(|node| tree.push_subtree(*node, 0));
    tree.root()
}

fn row(level: i64, tile: i64, hashes: &[Hash]) -> TileRow {
    TileRow { level, tile, hashes: hashes.iter().flat_map(|hash| hash.0).collect() }
}
