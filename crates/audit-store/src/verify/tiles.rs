//! The stored tiles of the tree, and those that the entries have.

use audit::{
    AuditTables, BLOCK_ENTRIES, BLOCK_LEVEL, Fault, Hash, Head, Tree, VerificationError, leaf_hash, subtree_root,
    tables::RunTable,
};
use kernel::OrganizationId;

use super::checked_block::CheckedBlock;
use crate::{blocks::removed_leaves, log::View};

/// The number of nodes of a full tile.
const WIDTH: usize = 256;

/// The number of tiles that are read at a time.
const PAGE: i64 = 64;

/// The nodes of the tree at the levels of tiles, from the roots of blocks on.
pub(super) struct Tiles {
    organization: OrganizationId,
    /// The tree over the entries that were removed; `None` if the chain has no tree yet.
    removed: Option<Tree>,
    /// The leaves of the block that is not complete.
    leaves: Vec<Hash>,
    /// The roots of all blocks.
    blocks: Vec<Hash>,
}

impl Tiles {
    /// Reads the roots of the blocks that were removed.
    ///
    /// # Errors
    /// [`Fault::AlteredTile`] if the chain has a tree and they are not all there.
    pub(super) async fn load(
        tables: &dyn AuditTables,
        organization: OrganizationId,
        (removed, has_tree): (Head, bool),
    ) -> Result<Self, VerificationError> {
        if !has_tree {
            return Ok(Self { organization, removed: None, leaves: Vec::new(), blocks: Vec::new() });
        }
        let count = usize::try_from(removed.sequence / BLOCK_ENTRIES).unwrap_or_default();
        let mut roots = Vec::with_capacity(count);
        while roots.len() < count {
            let tile = (roots.len() / WIDTH) as i64;
            let end = roots.len() + PAGE as usize * WIDTH;
            for (number, hashes) in read(tables, organization, 1, tile, count.div_ceil(WIDTH) as i64).await? {
                if number as usize * WIDTH == roots.len() {
                    roots.extend(hashes);
                }
            }
            if roots.len() < count.min(end) {
                return Err(Fault::AlteredTile { level: 1, tile: (roots.len() / WIDTH) as i64 }.into());
            }
        }
        roots.truncate(count);
        let mut tree = Tree::default();
        roots.iter().for_each(|root| tree.push_subtree(*root, BLOCK_LEVEL));
        // Entries of the old form were removed up to any of them.
        let stubs: Vec<Hash> = removed_leaves(removed.sequence % BLOCK_ENTRIES, removed.hash).collect();
        stubs.iter().for_each(|hash| tree.push(*hash));
        let leaves = stubs.into_iter().map(leaf_hash).collect();
        Ok(Self { organization, removed: Some(tree), leaves, blocks: roots })
    }

    /// The tree over the entries that were removed.
    pub(super) fn removed_tree(&self) -> Option<Tree> {
        self.removed.clone()
    }

    /// Adds a block, which is whole but for entries that were removed.
    pub(super) fn push_block(&mut self, block: &CheckedBlock) {
        if block.is_whole() {
            self.blocks.push(block.root);
        } else {
            block.hashes.iter().for_each(|hash| self.push_entry(*hash));
        }
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
