//! The stored tiles of the tree, and those that the entries have.

use audit::{
    AuditTables, BLOCK_ENTRIES, BLOCK_LEVEL, Fault, Hash, Tree, VerificationError, leaf_hash, subtree_root,
    tables::RunTable,
};
use kernel::OrganizationId;

use crate::log::View;

/// The number of nodes of a full tile.
const WIDTH: usize = 256;

/// The number of tiles that are read at a time.
const PAGE: i64 = 64;

/// The nodes of the tree at the levels of tiles, from the roots of blocks on.
pub(super) struct Tiles {
    organization: OrganizationId,
    /// The roots of the blocks that were removed; `None` if they are not all there.
    removed: Option<Vec<Hash>>,
    /// The leaves of the block that is not complete.
    leaves: Vec<Hash>,
    /// The roots of all blocks.
    blocks: Vec<Hash>,
}

impl Tiles {
    /// Reads the roots of the blocks that were removed.
    pub(super) async fn load(
        tables: &dyn AuditTables,
        organization: OrganizationId,
        removed: i64,
    ) -> Result<Self, VerificationError> {
        let count = usize::try_from(removed / BLOCK_ENTRIES).unwrap_or_default();
        let mut roots = Vec::with_capacity(count);
        while roots.len() < count {
            let first = (roots.len() / WIDTH) as i64;
            let stored = read(tables, organization, 1, first, count.div_ceil(WIDTH) as i64).await?;
            let before = roots.len();
            for (tile, hashes) in stored {
                if tile as usize * WIDTH == roots.len() {
                    roots.extend(hashes);
                }
            }
            if roots.len() == before || roots.len() < count && !roots.len().is_multiple_of(WIDTH) {
                break;
            }
        }
        roots.truncate(count);
        let is_complete = removed % BLOCK_ENTRIES == 0 && roots.len() == count;
        let blocks = if is_complete { roots.clone() } else { Vec::new() };
        Ok(Self { organization, removed: is_complete.then_some(roots), leaves: Vec::new(), blocks })
    }

    /// The tree over the entries that were removed.
    pub(super) fn removed_tree(&self) -> Option<Tree> {
        let mut tree = Tree::default();
        self.removed.as_ref()?.iter().for_each(|root| tree.push_subtree(*root, BLOCK_LEVEL));
        Some(tree)
    }

    pub(super) fn push_block(&mut self, root: Hash) {
        self.blocks.push(root);
    }

    pub(super) fn push_entry(&mut self, hash: Hash) {
        self.leaves.push(leaf_hash(hash));
        if self.leaves.len() == WIDTH {
            self.blocks.push(subtree_root(&self.leaves));
            self.leaves.clear();
        }
    }

    /// Compares the stored tiles with the entries. All segments have their roots in them.
    pub(super) async fn check(
        &self,
        tables: &dyn AuditTables,
        has_tree: bool,
        view: &View,
    ) -> Result<(), VerificationError> {
        if self.removed.is_none() || !has_tree {
            return Ok(());
        }
        let mut segments = (0..view.len()).map(|unit| view.key(unit)).filter(|key| key.table == RunTable::Segments);
        let required = segments.next_back().map_or(0, |key| key.last_sequence / BLOCK_ENTRIES) as usize;
        let mut nodes = self.blocks.clone();
        let mut level = 1;
        while !nodes.is_empty() {
            let required = if level == 1 { required.min(nodes.len()) } else { 0 };
            self.check_level(tables, level, &nodes, required).await?;
            nodes = nodes.chunks_exact(WIDTH).map(subtree_root).collect();
            level += 1;
        }
        Ok(())
    }

    async fn check_level(
        &self,
        tables: &dyn AuditTables,
        level: i64,
        nodes: &[Hash],
        required: usize,
    ) -> Result<(), VerificationError> {
        let count = nodes.len().div_ceil(WIDTH) as i64;
        for first in (0..count).step_by(PAGE as usize) {
            let mut stored = read(tables, self.organization, level, first, count).await?.into_iter().peekable();
            for tile in first..count.min(first + PAGE) {
                let hashes =
                    stored.next_if(|(number, _)| *number == tile).map(|(_, hashes)| hashes).unwrap_or_default();
                let start = tile as usize * WIDTH;
                let expected = &nodes[start..nodes.len().min(start + WIDTH)];
                let required = required.saturating_sub(start).min(expected.len());
                if hashes.len() < required || !expected.starts_with(&hashes) {
                    return Err(Fault::AlteredTile { level, tile }.into());
                }
            }
        }
        Ok(())
    }
}

/// Reads tiles of a level from `first` on, in order, up to [`PAGE`] of the `count` that there can be.
async fn read(
    tables: &dyn AuditTables,
    organization: OrganizationId,
    level: i64,
    first: i64,
    count: i64,
) -> Result<Vec<(i64, Vec<Hash>)>, VerificationError> {
    let wanted: Vec<(i64, i64)> = (first..count.min(first + PAGE)).map(|tile| (level, tile)).collect();
    let mut rows = tables.tiles(organization, &wanted).await?;
    rows.sort_unstable_by_key(|row| row.tile);
    Ok(rows.into_iter().map(|row| (row.tile, hashes(&row.hashes))).collect())
}

/// The hashes of a tile.
fn hashes(bytes: &[u8]) -> Vec<Hash> {
    bytes.as_chunks::<32>().0.iter().map(|hash| Hash(*hash)).collect()
}
