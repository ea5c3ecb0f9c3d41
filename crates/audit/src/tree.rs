//! The Merkle tree over the entries of a chain (RFC 6962 § 2.1), as far as its growing end.
//!
//! The leaves are the hashes of the entries in the order of the chain: the leaf with the index 0 is that of the entry
//! with the sequence 1.

use crate::hash::Hash;

/// The number of entries of a block, whose root is a node of the tree at [`BLOCK_LEVEL`].
pub const BLOCK_ENTRIES: i64 = 256;

/// The number of levels between the leaves and the roots of blocks.
pub const BLOCK_LEVEL: u32 = 8;

/// Returns the leaf of an entry with this hash.
#[must_use]
pub fn leaf_hash(entry: Hash) -> Hash {
    let mut bytes = [0; 33];
    bytes[1..].copy_from_slice(&entry.0);
    Hash::digest(&bytes)
}

/// Returns the node above these two.
#[must_use]
pub fn node_hash(left: Hash, right: Hash) -> Hash {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(&left.0);
    bytes[33..].copy_from_slice(&right.0);
    Hash::digest(&bytes)
}

/// A node of a tree: the root of a complete subtree with 2^`level` leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// The level, 0 for leaves.
    pub level: u32,
    /// The number of nodes before it at its level.
    pub index: u64,
}

/// Returns the largest complete subtrees that these leaves consist of, from left to right. The first leaf must begin a
/// subtree that is as large as all of them, as in each split of a tree.
pub(crate) fn subtree_roots(start: u64, end: u64) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut next = start;
    while next < end {
        let level = (end - next).ilog2();
        nodes.push(Node { level, index: next >> level });
        next += 1 << level;
    }
    nodes
}

/// A tree of which only the right edge is kept: the roots of the complete subtrees that it consists of, the largest
/// first. There is one for each bit of the size that is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    edge: Vec<Hash>,
}

impl Tree {
    /// Creates the tree with this number of leaves and this right edge; `None` if the edge has another number of roots
    /// than such a tree.
    #[must_use]
    pub fn from_edge(size: u64, edge: Vec<Hash>) -> Option<Self> {
        (edge.len() == size.count_ones() as usize).then_some(Self { size, edge })
    }

    /// The number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The right edge.
    #[must_use]
    pub fn edge(&self) -> &[Hash] {
        &self.edge
    }

    /// Returns the hash of this node if it is on the right edge.
    #[must_use]
    pub fn edge_node(&self, node: Node) -> Option<Hash> {
        let position = subtree_roots(0, self.size).iter().position(|root| *root == node)?;
        self.edge.get(position).copied()
    }

    /// Adds the leaf of the entry with this hash.
    pub fn push(&mut self, entry: Hash) {
        self.push_subtree(leaf_hash(entry), 0);
    }

    /// Adds the complete subtree with this root and 2^`level` leaves. The size must be a multiple of that number.
    ///
    /// # Panics
    /// If it is not.
    pub fn push_subtree(&mut self, root: Hash, level: u32) {
        let leaves = 1_u64 << level;
        assert!(self.size.is_multiple_of(leaves), "a subtree must begin at a multiple of its size");
        let mut node = root;
        // Each trailing bit that is set is a subtree as large as the one that is added: they become one.
        for _ in 0..(self.size >> level).trailing_ones() {
            node = node_hash(self.edge.pop().expect("the edge has a root for each bit of the size"), node);
        }
        self.edge.push(node);
        self.size += leaves;
    }

    /// The root: the hash of the empty string for an empty tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut subtrees = self.edge.iter().rev().copied();
        let Some(smallest) = subtrees.next() else { return Hash::digest(&[]) };
        subtrees.fold(smallest, |right, left| node_hash(left, right))
    }
}

/// Returns the root of the tree over the entries with these hashes.
#[must_use]
pub fn tree_root(entries: impl IntoIterator<Item = Hash>) -> Hash {
    let mut tree = Tree::default();
    entries.into_iter().for_each(|entry| tree.push(entry));
    tree.root()
}
