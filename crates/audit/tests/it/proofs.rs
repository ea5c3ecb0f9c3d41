//! Proofs of inclusion and consistency, against the recursive definitions of RFC 6962 § 2.1.

use audit::{
    Hash, NoProof, Node, ProofPlan, Tree, leaf_hash, node_hash, tree_root, verify_consistency, verify_inclusion,
};
use proptest::{prelude::*, sample::Index};

/// The hashes of this many entries.
pub(crate) fn entries(count: u64) -> Vec<Hash> {
    (0..count).map(|number| Hash::digest(&number.to_be_bytes())).collect()
}

/// The nodes of the complete subtrees of a tree, by level: what a log can read.
pub(crate) struct Nodes(Vec<Vec<Hash>>);

impl Nodes {
    pub(crate) fn new(entries: &[Hash]) -> Self {
        let mut levels: Vec<Vec<Hash>> = vec![entries.iter().map(|entry| leaf_hash(*entry)).collect()];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            levels.push(level.chunks_exact(2).map(|pair| node_hash(pair[0], pair[1])).collect());
        }
        Self(levels)
    }

    /// The root of the whole tree.
    fn root(&self) -> Hash {
        let mut edge = Vec::new();
        let size = self.0[0].len();
        for (level, nodes) in self.0.iter().enumerate().filter(|(level, _)| size >> level & 1 == 1) {
            edge.push(nodes[(size >> level) - 1]);
        }
        edge.into_iter().reduce(|right, left| node_hash(left, right)).unwrap_or(Hash::digest(&[]))
    }

    pub(crate) fn get(&self, node: Node) -> Option<Hash> {
        self.0.get(node.level as usize)?.get(usize::try_from(node.index).unwrap()).copied()
    }

    pub(crate) fn level(&self, level: u32) -> &[Hash] {
        self.0.get(level as usize).map_or(&[], Vec::as_slice)
    }
}

/// `MTH` of RFC 6962 § 2.1 for leaves.
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::digest(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(root(left), root(right))
        }
    }
}

fn split(count: usize) -> usize {
    count.next_power_of_two() / 2
}

/// `PATH` of RFC 6962 § 2.1.1.
fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() < 2 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut hashes, sibling) = if index < left.len() {
        (path(index, left), root(right))
    } else {
        (path(index - left.len(), right), root(left))
    };
    hashes.push(sibling);
    hashes
}

/// `SUBPROOF` of RFC 6962 § 2.1.2.
fn subproof(from: usize, leaves: &[Hash], is_whole: bool) -> Vec<Hash> {
    if from == leaves.len() {
        return if is_whole { Vec::new() } else { vec![root(leaves)] };
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut hashes, other) = if from <= left.len() {
        (subproof(from, left, is_whole), root(right))
    } else {
        (subproof(from - left.len(), right, false), root(left))
    };
    hashes.push(other);
    hashes
}

fn flip(hash: Hash, bit: usize) -> Hash {
    let mut bytes = hash.0;
    bytes[bit / 8 % 32] ^= 1 << (bit % 8);
    Hash(bytes)
}

/// Whether neither the proof with a changed bit, nor one with a hash more or less, is accepted.
fn only_this_verifies(proof: &[Hash], bit: usize, verifies: impl Fn(&[Hash]) -> bool) -> bool {
    let mut changed = proof.to_vec();
    if let Some(hash) = changed.get_mut(bit % proof.len().max(1)) {
        *hash = flip(*hash, bit);
    }
    let longer = [[proof, &[Hash::ZERO]].concat(), [&[Hash::ZERO], proof].concat()];
    let shorter = proof.split_last().map(|(_, rest)| rest.to_vec());
    let others = longer.into_iter().chain(shorter).chain((!proof.is_empty()).then_some(changed));
    verifies(proof) && !others.into_iter().any(|other| verifies(&other))
}

fn check_inclusion(nodes: &Nodes, index: u64, bit: usize) {
    let leaves = nodes.level(0);
    let (size, root) = (leaves.len() as u64, nodes.root());
    let leaf = leaves[usize::try_from(index).unwrap()];
    let proof = ProofPlan::inclusion(index, size).unwrap().resolve(|node| nodes.get(node)).unwrap();
    assert!(
        only_this_verifies(&proof, bit, |proof| verify_inclusion(leaf, index, size, root, proof)),
        "{index} in {size}"
    );
    assert!(!verify_inclusion(flip(leaf, bit), index, size, root, &proof));
    assert!(!verify_inclusion(leaf, index, size, flip(root, bit), &proof));
    assert!(!verify_inclusion(leaf, index + 1, size, root, &proof), "{index} in {size}");
    assert!(!verify_inclusion(leaf, size, size, root, &proof));
    // A larger tree would need a longer proof, although the hashes are the same up to this root.
    assert!(!verify_inclusion(leaf, index, size.next_power_of_two() * 2, root, &proof));
}

fn check_consistency(old: (u64, Hash), nodes: &Nodes, bit: usize) {
    let (from, old) = old;
    let (to, new) = (nodes.level(0).len() as u64, nodes.root());
    let proof = ProofPlan::consistency(from, to).unwrap().resolve(|node| nodes.get(node)).unwrap();
    let verifies = |proof: &[Hash]| verify_consistency((from, old), (to, new), proof);
    assert!(only_this_verifies(&proof, bit, verifies), "{from} to {to}");
    assert!(!verify_consistency((from, flip(old, bit)), (to, new), &proof));
    assert!(from == 0 || !verify_consistency((from, old), (to, flip(new, bit)), &proof));
    assert!(!verify_consistency((to + 1, old), (to, new), &proof));
    assert!(from == 0 || !verify_consistency((from, old), (to.next_power_of_two() * 2, new), &proof));
}

/// Compares both proofs with their definitions.
fn check_definitions(nodes: &Nodes, index: u64) {
    let leaves = nodes.level(0);
    let size = leaves.len() as u64;
    let at = usize::try_from(index).unwrap();
    let resolve = |plan: ProofPlan| plan.resolve(|node| nodes.get(node)).unwrap();
    assert_eq!(resolve(ProofPlan::inclusion(index, size).unwrap()), path(at, leaves), "{index} in {size}");
    assert_eq!(
        resolve(ProofPlan::consistency(index + 1, size).unwrap()),
        subproof(at + 1, leaves, true),
        "{} to {size}",
        index + 1
    );
}

#[test]
fn every_entry_of_every_small_tree_has_a_proof_and_every_tree_contains_all_smaller_ones() {
    let mut roots = vec![Hash::digest(&[])];
    for size in 1..=300 {
        let nodes = Nodes::new(&entries(size));
        roots.push(nodes.root());
        // Of larger trees every fifth: 45,000 pairs take seconds without optimization.
        for (number, root) in (0..).zip(&roots).filter(|(number, _)| size < 100 || (number + size) % 5 == 0) {
            let bit = usize::try_from(number * 7 + size).unwrap();
            check_consistency((number, *root), &nodes, bit);
            if number < size {
                check_inclusion(&nodes, number, bit);
            }
        }
    }
}

#[test]
fn the_proofs_of_small_trees_are_those_of_the_definitions() {
    for size in 1..=70 {
        let nodes = Nodes::new(&entries(size));
        assert_eq!(nodes.root(), root(nodes.level(0)));
        (0..size).for_each(|index| check_definitions(&nodes, index));
    }
}

#[test]
fn there_is_no_proof_for_an_entry_outside_the_tree_or_for_a_tree_that_shrinks() {
    assert_eq!(ProofPlan::inclusion(0, 0), Err(NoProof::NotInTree { index: 0, size: 0 }));
    assert_eq!(ProofPlan::inclusion(7, 7), Err(NoProof::NotInTree { index: 7, size: 7 }));
    assert_eq!(ProofPlan::consistency(8, 7), Err(NoProof::Shrunk { from: 8, to: 7 }));
    let missing = ProofPlan::inclusion(0, 2).unwrap().resolve(|_| None);
    assert_eq!(missing, Err(NoProof::Missing(Node { level: 0, index: 1 })));
}

/// 17 hashes, as in the documentation of the endpoint.
#[test]
fn a_proof_has_one_hash_for_each_doubling_of_the_log() {
    assert_eq!(ProofPlan::inclusion(0, 70_000).unwrap().resolve(|_| Some(Hash::ZERO)).unwrap().len(), 17);
    assert_eq!(ProofPlan::inclusion((1 << 62) - 1, 1 << 62).unwrap().resolve(|_| Some(Hash::ZERO)).unwrap().len(), 62);
}

#[test]
fn the_largest_trees_are_planned_and_verified_without_overflow() {
    for (one, other) in [(u64::MAX - 1, u64::MAX), (1 << 63, u64::MAX), (1, u64::MAX)] {
        let proof = ProofPlan::consistency(one, other).unwrap().resolve(|_| Some(Hash::ZERO)).unwrap();
        assert!(!verify_consistency((one, Hash::ZERO), (other, Hash::ZERO), &proof));
        let proof = ProofPlan::inclusion(one, other).unwrap().resolve(|_| Some(Hash::ZERO)).unwrap();
        assert!(!verify_inclusion(Hash::ZERO, one, other, Hash::ZERO, &proof));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn proofs_of_larger_trees_verify_and_a_changed_bit_is_refused(
        size in 301_u64..5000,
        index in any::<Index>(),
        bit in 0..256_usize,
    ) {
        let entries = entries(size);
        let nodes = Nodes::new(&entries);
        let number = index.index(entries.len());
        check_inclusion(&nodes, number as u64, bit);
        check_consistency((number as u64, tree_root(entries[..number].iter().copied())), &nodes, bit);
        check_definitions(&nodes, number as u64);
    }

    #[test]
    fn the_right_edge_of_a_tree_has_the_roots_of_its_largest_subtrees(size in 0_u64..3000) {
        let entries = entries(size);
        let mut tree = Tree::default();
        entries.iter().for_each(|entry| tree.push(*entry));
        let nodes = Nodes::new(&entries);
        prop_assert_eq!(tree.root(), root(nodes.level(0)));
        prop_assert_eq!(tree_root(entries.iter().copied()), tree.root());
        let mut start = 0;
        for (position, hash) in tree.edge().iter().enumerate() {
            let level = (size - start).ilog2();
            let node = Node { level, index: start >> level };
            prop_assert_eq!(tree.edge_node(node), Some(*hash), "{}", position);
            prop_assert_eq!(nodes.get(node), Some(*hash));
            start += 1 << level;
        }
        prop_assert_eq!(tree.edge_node(Node { level: 63, index: 0 }), None);
    }
}
