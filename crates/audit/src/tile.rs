//! The static files of a tree (C2SP `tlog-tiles`): their paths, their widths and their content.
//!
//! A tile has 256 nodes of every eighth level of the tree, so it is a subtree of height 8. At level 0 it has the leaves
//! of a block, at level 1 the roots of 256 blocks.

use std::{fmt, ops::Range, str::FromStr};

use crate::{
    hash::Hash,
    tree::{Node, node_hash},
};

/// The number of nodes of a full tile.
const WIDTH: u64 = 256;

/// The number of levels of the tree in a tile.
const HEIGHT: u32 = 8;

/// The highest level of a tile in a tree of up to 2^63 leaves.
const MAX_LEVEL: u32 = 7;

/// The content of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TileContent {
    /// The hashes of the nodes at this level of tiles, 0 for the leaves.
    Hashes(u32),
    /// The data whose hashes are the leaves: here the hashes of entries.
    Entries,
}

/// A tile. Its text form is the path below `tile/`: `0/x001/234.p/56` for instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tile {
    /// The content.
    pub content: TileContent,
    /// The number of tiles of the same content before it.
    pub number: u64,
    /// The number of nodes: 1 to 256.
    pub width: u64,
}

/// The text is not the path of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not the path of a tile: LEVEL/NUMBER or entries/NUMBER with a NUMBER like x001/x234/067, and .p/WIDTH if it is partial"
)]
pub struct MalformedTilePath;

impl TileContent {
    /// The level of tiles; entries have that of the leaves.
    fn level(self) -> u32 {
        match self {
            Self::Hashes(level) => level,
            Self::Entries => 0,
        }
    }
}

impl Tile {
    /// Returns the tile that contains this node, full, and the positions in it of the nodes that are below this one: its
    /// hash is their [`subtree_root`].
    #[must_use]
    pub fn containing(node: Node) -> (Self, Range<usize>) {
        let level = node.level / HEIGHT;
        let height = node.level % HEIGHT;
        let first = node.index << height;
        let start = usize::try_from(first % WIDTH).expect("a position in a tile is below 256");
        let content = TileContent::Hashes(level);
        (Self { content, number: first / WIDTH, width: WIDTH }, start..start + (1 << height))
    }

    /// Returns the widest tile of this content and number in a tree with `size` leaves; `None` if there is none.
    #[must_use]
    pub fn widest(content: TileContent, number: u64, size: u64) -> Option<Self> {
        let nodes = size.checked_shr(content.level().saturating_mul(HEIGHT)).unwrap_or(0);
        let width = nodes.saturating_sub(number.checked_mul(WIDTH)?).min(WIDTH);
        (width > 0).then_some(Self { content, number, width })
    }

    /// Returns whether a tree with `size` leaves has all nodes of the tile.
    #[must_use]
    pub fn is_within(&self, size: u64) -> bool {
        Self::widest(self.content, self.number, size).is_some_and(|widest| self.width <= widest.width)
    }

    /// Returns the indexes of the leaves below its nodes; `None` if there can't be as many.
    #[must_use]
    pub fn leaves(&self) -> Option<Range<u64>> {
        let leaves = 1_u64.checked_shl(self.content.level().saturating_mul(HEIGHT))?;
        let first = self.number.checked_mul(WIDTH)?;
        Some(first.checked_mul(leaves)?..first.checked_add(self.width)?.checked_mul(leaves)?)
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.content {
            TileContent::Hashes(level) => write!(f, "{level}")?,
            TileContent::Entries => f.write_str("entries")?,
        }
        let mut groups = vec![self.number % 1000];
        let mut rest = self.number / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for (index, group) in groups.iter().enumerate().rev() {
            write!(f, "/{}{group:03}", if index > 0 { "x" } else { "" })?;
        }
        if self.width < WIDTH { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

impl FromStr for Tile {
    type Err = MalformedTilePath;

    fn from_str(path: &str) -> Result<Self, MalformedTilePath> {
        parse(path).filter(|tile| tile.to_string() == path).ok_or(MalformedTilePath)
    }
}

/// Parses a path, also one with another spelling.
fn parse(path: &str) -> Option<Tile> {
    let (content, number) = path.split_once('/')?;
    let content = match content {
        "entries" => TileContent::Entries,
        level => TileContent::Hashes(level.parse().ok().filter(|level| *level <= MAX_LEVEL)?),
    };
    let (number, width) = match number.split_once(".p/") {
        Some((number, width)) => (number, width.parse().ok().filter(|width| (1..WIDTH).contains(width))?),
        None => (number, WIDTH),
    };
    let group =
        |group: &str| group.strip_prefix('x').unwrap_or(group).parse::<u64>().ok().filter(|group| *group < 1000);
    let join = |number: u64, next: &str| number.checked_mul(1000)?.checked_add(group(next)?);
    Some(Tile { content, number: number.split('/').try_fold(0, join)?, width })
}

/// Returns the bytes of a tile of hashes.
#[must_use]
pub fn hash_tile(nodes: &[Hash]) -> Vec<u8> {
    nodes.iter().flat_map(|hash| hash.0).collect()
}

/// Returns the bytes of a tile of entries: the hash of each entry after its length in two bytes.
#[must_use]
pub fn entry_bundle(entries: &[Hash]) -> Vec<u8> {
    entries.iter().flat_map(|hash| [[0, 32].as_slice(), &hash.0].concat()).collect()
}

/// Returns the root of the complete subtree with these nodes at its lowest level, whose number must be a power of two.
///
/// # Panics
/// If it is not.
#[must_use]
pub fn subtree_root(nodes: &[Hash]) -> Hash {
    assert!(nodes.len().is_power_of_two(), "a complete subtree must have a power of two of nodes at its lowest level");
    let mut level = nodes.to_vec();
    while level.len() > 1 {
        level = level.chunks_exact(2).map(|pair| node_hash(pair[0], pair[1])).collect();
    }
    level[0]
}
