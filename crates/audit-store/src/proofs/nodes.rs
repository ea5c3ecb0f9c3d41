//! Nodes of the tree, read with few calls.

use std::collections::{BTreeSet, HashMap};

use audit::{
    BLOCK_ENTRIES, BLOCK_LEVEL, Hash, Node, leaf_hash, subtree_root,
    tables::{BodyRange, RunKey, RunTable},
};
use audit_runs::Header;
use kernel::StoreError;

use super::WIDTH;
use crate::log::{Reader, View, is_replaced, parse_header};

/// The number of tiles that are read at a time.
const PAGE: usize = 64;

/// The level of the nodes that have a full tile of roots of blocks below them.
const TILE_LEVEL: u32 = 2 * BLOCK_LEVEL;

/// Nodes of a tree.
#[derive(Default)]
pub(super) struct Nodes {
    hashes: HashMap<Node, Hash>,
}

impl Nodes {
    pub(super) fn get(&self, node: Node) -> Option<Hash> {
        self.hashes.get(&node).copied()
    }

    /// Reads those of these nodes that the tree has. Returns `None` if something was moved.
    pub(super) async fn read(reader: &Reader, view: &View, wanted: &[Node]) -> Result<Option<Self>, StoreError> {
        let mut nodes = Self::default();
        let Some(()) = nodes.read_high(reader, view, wanted).await? else { return Ok(None) };
        let low = wanted.iter().filter(|node| node.level < BLOCK_LEVEL);
        let blocks: BTreeSet<u64> = low.clone().map(|node| node.index >> (BLOCK_LEVEL - node.level)).collect();
        for block in blocks {
            let within = || low.clone().filter(|node| node.index >> (BLOCK_LEVEL - node.level) == block);
            let Some(end) = within().map(|node| (node.index + 1) << node.level).max() else { continue };
            let first = block << BLOCK_LEVEL;
            let Some(hashes) = reader.entry_hashes(view, first..end).await? else { return Ok(None) };
            let leaves: Vec<Hash> = hashes.unwrap_or_default().into_iter().map(leaf_hash).collect();
            for node in within() {
                let start = ((node.index << node.level) - first) as usize;
                if let Some(leaves) = leaves.get(start..start + (1 << node.level)) {
                    nodes.hashes.insert(*node, subtree_root(leaves));
                }
            }
        }
        Ok(Some(nodes))
    }

    /// Reads the nodes from roots of blocks on.
    async fn read_high(&mut self, reader: &Reader, view: &View, wanted: &[Node]) -> Result<Option<()>, StoreError> {
        let high: Vec<Node> = wanted.iter().filter(|node| node.level >= BLOCK_LEVEL).copied().collect();
        let mut roots = Roots::default();
        let Some(()) = roots.read(reader, view, &high).await? else { return Ok(None) };
        for node in high {
            let hashes = if node.level < TILE_LEVEL {
                blocks_below(node).map(|block| roots.blocks.get(&block).copied()).collect::<Option<Vec<Hash>>>()
            } else {
                tiles_below(node).map(|tile| roots.tiles.get(&tile).copied()).collect()
            };
            if let Some(hashes) = hashes {
                self.hashes.insert(node, subtree_root(&hashes));
            }
        }
        Ok(Some(()))
    }
}

/// Roots of blocks, by the number of the block, and of full tiles of them, by the number of the tile.
#[derive(Default)]
struct Roots {
    blocks: HashMap<u64, Hash>,
    tiles: HashMap<u64, Hash>,
}

impl Roots {
    async fn read(&mut self, reader: &Reader, view: &View, nodes: &[Node]) -> Result<Option<()>, StoreError> {
        let organization = view.organization;
        let last = view.last_sequence().unsigned_abs() / BLOCK_ENTRIES.unsigned_abs();
        let exists =
            |node: &&Node| (node.index + 1).checked_shl(node.level - BLOCK_LEVEL).is_some_and(|end| end <= last);
        let nodes: Vec<&Node> = nodes.iter().filter(exists).collect();
        let mut unread = BTreeSet::new();
        let mut blocks = BTreeSet::new();
        for node in nodes {
            if node.level < TILE_LEVEL {
                blocks.extend(blocks_below(*node));
            } else {
                for tile in tiles_below(*node) {
                    match reader.tile_roots.get(&(organization, tile)) {
                        Some(root) => drop(self.tiles.insert(tile, root)),
                        None => drop(unread.insert(tile)),
                    }
                }
            }
        }
        let full = unread.clone();
        blocks.extend(full.iter().flat_map(|tile| tile * WIDTH..(tile + 1) * WIDTH));
        unread.extend(blocks.iter().map(|block| block / WIDTH));
        let wanted: Vec<(i64, i64)> = unread.iter().filter_map(|tile| Some((1, i64::try_from(*tile).ok()?))).collect();
        for wanted in wanted.chunks(PAGE) {
            for row in reader.tables.tiles(organization, wanted).await? {
                let first = row.tile.unsigned_abs() * WIDTH;
                let hashes = row.hashes.as_chunks::<32>().0;
                self.blocks.extend((first..).zip(hashes.iter().map(|hash| Hash(*hash))));
            }
        }
        let missing = blocks.iter().filter(|block| !self.blocks.contains_key(block));
        let Some(()) = self.read_anchors(reader, view, missing.copied().collect()).await? else { return Ok(None) };
        for tile in full {
            let hashes: Option<Vec<Hash>> =
                (tile * WIDTH..(tile + 1) * WIDTH).map(|block| self.blocks.get(&block).copied()).collect();
            if let Some(hashes) = hashes {
                let root = subtree_root(&hashes);
                reader.tile_roots.insert((organization, tile), root, size_of::<Hash>() + 100);
                self.tiles.insert(tile, root);
            }
        }
        Ok(Some(()))
    }

    /// Reads the roots of blocks from the headers of the runs that have them.
    async fn read_anchors(&mut self, reader: &Reader, view: &View, blocks: Vec<u64>) -> Result<Option<()>, StoreError> {
        let mut keys: Vec<RunKey> = Vec::new();
        for block in &blocks {
            let first = i64::try_from(*block).unwrap_or(i64::MAX).saturating_mul(BLOCK_ENTRIES).saturating_add(1);
            let unit = view.unit_at(first);
            if unit < view.len() && view.key(unit).first_sequence <= first && keys.last() != Some(view.key(unit)) {
                keys.push(view.key(unit).clone());
            }
        }
        if keys.is_empty() {
            return Ok(Some(()));
        }
        let range = |key: &RunKey| BodyRange {
            table: key.table,
            first_sequence: key.first_sequence,
            offset: 0,
            length: Header::MAX_LENGTH,
        };
        let ranges: Vec<BodyRange> = keys.iter().map(range).collect();
        for (key, body) in keys.iter().zip(reader.tables.bodies(view.organization, &ranges).await?) {
            let Some(body) = body.filter(|body| !is_replaced(key, body)) else { return Ok(None) };
            let header = parse_header(view.organization, key, &body)?;
            for (block, anchor) in header.anchors.iter().enumerate() {
                let sequences = header.sequences(block);
                if key.table == RunTable::Segments || sequences.end - sequences.start == BLOCK_ENTRIES {
                    let number = (sequences.start - 1).unsigned_abs() / BLOCK_ENTRIES.unsigned_abs();
                    self.blocks.entry(number).or_insert(anchor.root);
                }
            }
        }
        Ok(Some(()))
    }
}

/// The numbers of the blocks below a node.
fn blocks_below(node: Node) -> std::ops::Range<u64> {
    let height = node.level - BLOCK_LEVEL;
    node.index << height..(node.index + 1) << height
}

/// The numbers of the tiles of roots of blocks below a node.
fn tiles_below(node: Node) -> std::ops::Range<u64> {
    let height = node.level - TILE_LEVEL;
    node.index << height..(node.index + 1) << height
}
