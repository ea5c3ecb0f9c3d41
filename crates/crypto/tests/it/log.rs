//! A log with its tree, for the tests.

use audit::{
    Hash, KeyName, Node, NoteSigner as _, ProofPlan, Tile, TileContent, TlogProof, Tree, TreeHead, VerifierKey,
    entry_bundle, hash_tile, leaf_hash, node_hash,
};
use crypto::{MasterKey, NoteKey};

pub(crate) const ORIGIN: &str = "audit.example.com/org_01HF7YAT003M5H9S6V067YVAC9";

/// A master key of equal bytes: 32 bytes in base64.
pub(crate) fn master_key() -> MasterKey {
    "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=".parse().unwrap()
}

/// Another master key, of the first letters of base64.
pub(crate) fn seeded_master_key(seed: u8) -> MasterKey {
    format!("{}AAE=", char::from(b'B' + seed).to_string().repeat(40)).parse().unwrap()
}

pub(crate) struct Log {
    pub(crate) entries: Vec<Hash>,
    /// The nodes of complete subtrees, by level.
    nodes: Vec<Vec<Hash>>,
    pub(crate) head: TreeHead,
    key: NoteKey,
}

impl Log {
    pub(crate) fn new(entries: Vec<Hash>) -> Self {
        let mut nodes: Vec<Vec<Hash>> = vec![entries.iter().map(|entry| leaf_hash(*entry)).collect()];
        while let Some(level) = nodes.last().filter(|level| level.len() > 1) {
            nodes.push(level.chunks_exact(2).map(|pair| node_hash(pair[0], pair[1])).collect());
        }
        let mut tree = Tree::default();
        entries.iter().for_each(|entry| tree.push(*entry));
        let head = TreeHead { origin: KeyName::parse(ORIGIN).unwrap(), size: tree.size(), root: tree.root() };
        Self { entries, nodes, head, key: NoteKey::new(&master_key()) }
    }

    pub(crate) fn of_size(size: u64) -> Self {
        Self::new((0..size).map(|number| Hash::digest(&number.to_be_bytes())).collect())
    }

    pub(crate) fn size(&self) -> u64 {
        self.head.size
    }

    pub(crate) fn verifier_key(&self) -> VerifierKey {
        VerifierKey::of_log(self.head.origin.clone(), self.key.public_key())
    }

    pub(crate) fn note(&self) -> String {
        self.head.to_note(self.key.public_key(), &self.head.sign(&self.key)).to_string()
    }

    pub(crate) fn resolve(&self, plan: &ProofPlan) -> Vec<Hash> {
        let node = |node: Node| self.nodes[node.level as usize].get(usize::try_from(node.index).unwrap()).copied();
        plan.resolve(node).unwrap()
    }

    pub(crate) fn proof(&self, index: u64) -> TlogProof {
        let hashes = self.resolve(&ProofPlan::inclusion(index, self.size()).unwrap());
        let head = self.head.to_note(self.key.public_key(), &self.head.sign(&self.key));
        TlogProof { extra: None, index, hashes, head }
    }

    /// The static file with this path, as the server gives it.
    pub(crate) fn file(&self, path: &str) -> Option<Vec<u8>> {
        let tile: Tile = path.parse().ok().filter(|tile: &Tile| tile.is_within(self.size()))?;
        let first = usize::try_from(tile.number * 256).unwrap();
        let range = first..first + usize::try_from(tile.width).unwrap();
        Some(match tile.content {
            TileContent::Hashes(level) => hash_tile(&self.nodes[level as usize * 8][range]),
            TileContent::Entries => entry_bundle(&self.entries[range]),
        })
    }
}
