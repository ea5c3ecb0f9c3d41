//! Proofs of inclusion and of consistency (RFC 6962 § 2.1, verified by RFC 9162 § 2.1.3.2 and § 2.1.4.2).
//!
//! A proof is computed in two steps, so that the caller can read all nodes that it needs at once: [`ProofPlan`] names
//! the nodes, and [`ProofPlan::resolve`] makes the proof of their hashes.

use crate::{
    hash::Hash,
    tree::{Node, node_hash, subtree_roots},
};

/// The nodes of a tree that a proof consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofPlan {
    /// For each hash of the proof, the complete subtrees that it is the root of, from left to right.
    hashes: Vec<Vec<Node>>,
}

/// The reason that there is no such proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoProof {
    /// The tree has no leaf with this index.
    #[error("a tree of {size} entries has none with the index {index}")]
    NotInTree {
        /// The index of the leaf, from 0 on.
        index: u64,
        /// The number of leaves.
        size: u64,
    },
    /// The first tree is larger than the second.
    #[error("a tree of {to} entries can't contain one of {from}")]
    Shrunk {
        /// The size of the first tree.
        from: u64,
        /// The size of the second tree.
        to: u64,
    },
    /// A node is missing.
    #[error("the node {} at level {} of the tree is missing", .0.index, .0.level)]
    Missing(Node),
}

impl ProofPlan {
    /// Plans the proof that the tree with `size` leaves contains the leaf at `index`, counted from 0.
    ///
    /// # Errors
    /// [`NoProof::NotInTree`].
    pub fn inclusion(index: u64, size: u64) -> Result<Self, NoProof> {
        if index >= size {
            return Err(NoProof::NotInTree { index, size });
        }
        let (mut start, mut end, mut hashes) = (0, size, Vec::new());
        while end - start > 1 {
            let middle = start + split(end - start);
            if index < middle {
                hashes.push(subtree_roots(middle, end));
                end = middle;
            } else {
                hashes.push(subtree_roots(start, middle));
                start = middle;
            }
        }
        hashes.reverse();
        Ok(Self { hashes })
    }

    /// Plans the proof that the tree with `to` leaves begins with the one that has `from` leaves. It is empty if they are
    /// the same, or if the first is empty.
    ///
    /// # Errors
    /// [`NoProof::Shrunk`].
    pub fn consistency(from: u64, to: u64) -> Result<Self, NoProof> {
        if from > to {
            return Err(NoProof::Shrunk { from, to });
        }
        let (mut start, mut end, mut hashes) = (0, to, Vec::new());
        if from == 0 {
            return Ok(Self { hashes });
        }
        while from != end {
            let middle = start + split(end - start);
            if from <= middle {
                hashes.push(subtree_roots(middle, end));
                end = middle;
            } else {
                hashes.push(subtree_roots(start, middle));
                start = middle;
            }
        }
        // The verifier has the root of the first tree already.
        if start > 0 {
            hashes.push(subtree_roots(start, end));
        }
        hashes.reverse();
        Ok(Self { hashes })
    }

    /// The nodes whose hashes are needed. None of them occurs twice.
    pub fn nodes(&self) -> impl Iterator<Item = Node> {
        self.hashes.iter().flatten().copied()
    }

    /// Makes the proof of the hashes of the nodes.
    ///
    /// # Errors
    /// [`NoProof::Missing`] for the first node that has no hash in `source`.
    pub fn resolve(&self, mut source: impl FnMut(Node) -> Option<Hash>) -> Result<Vec<Hash>, NoProof> {
        let root = |nodes: &Vec<Node>| {
            let mut root = None;
            for &node in nodes.iter().rev() {
                let hash = source(node).ok_or(NoProof::Missing(node))?;
                root = Some(root.map_or(hash, |right| node_hash(hash, right)));
            }
            Ok(root.expect("a range of leaves that is not empty has a subtree"))
        };
        self.hashes.iter().map(root).collect()
    }
}

/// The largest power of two that is smaller than this number, which must be at least 2.
fn split(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

/// Returns whether `proof` shows that the tree with this size and root has `leaf` at `index`, counted from 0.
#[must_use]
pub fn verify_inclusion(leaf: Hash, index: u64, size: u64, root: Hash, proof: &[Hash]) -> bool {
    if index >= size {
        return false;
    }
    let mut path = Path { index, last: size - 1 };
    let mut hash = leaf;
    for &other in proof {
        hash = match path.step() {
            Some(Side::Left) => node_hash(other, hash),
            Some(Side::Right) => node_hash(hash, other),
            None => return false,
        };
    }
    path.last == 0 && hash == root
}

/// Returns whether `proof` shows that the tree with the size and root of `to` begins with the one of `from`.
#[must_use]
pub fn verify_consistency(from: (u64, Hash), to: (u64, Hash), proof: &[Hash]) -> bool {
    let ((from_size, from_root), (to_size, to_root)) = (from, to);
    if from_size > to_size {
        return false;
    }
    if from_size == 0 || from_size == to_size {
        let is_root = if from_size == 0 { from_root == Hash::digest(&[]) } else { from_root == to_root };
        return proof.is_empty() && is_root;
    }
    let mut path = Path { index: from_size - 1, last: to_size - 1 };
    let complete = path.index.trailing_ones();
    path.index >>= complete;
    path.last >>= complete;
    // If the first tree is complete, the proof begins with its root, which the verifier has.
    let (first, proof) = match proof.split_first() {
        Some(_) if from_size.is_power_of_two() => (from_root, proof),
        Some((first, proof)) => (*first, proof),
        None => return false,
    };
    let (mut old, mut new) = (first, first);
    for &other in proof {
        match path.step() {
            Some(Side::Left) => {
                old = node_hash(other, old);
                new = node_hash(other, new);
            }
            Some(Side::Right) => new = node_hash(new, other),
            None => return false,
        }
    }
    path.last == 0 && old == from_root && new == to_root
}

/// The way from a node to the root: its index at its level, and that of the last node there.
struct Path {
    index: u64,
    last: u64,
}

/// The side at which the next hash of a proof is.
enum Side {
    Left,
    Right,
}

impl Path {
    /// Goes up to the next level at which the node has a sibling; `None` if it is the root.
    fn step(&mut self) -> Option<Side> {
        if self.last == 0 {
            return None;
        }
        let is_right = self.index & 1 == 1 || self.index == self.last;
        if is_right && self.index & 1 == 0 {
            // The last node has no sibling at the levels at which its index is even. It isn't 0, as `last` isn't.
            let levels = self.index.trailing_zeros();
            self.index >>= levels;
            self.last >>= levels;
        }
        self.index >>= 1;
        self.last >>= 1;
        Some(if is_right { Side::Left } else { Side::Right })
    }
}
