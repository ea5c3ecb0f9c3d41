//! Proofs and tiles of the tree of an organization's log: its nodes are read from the stored tiles and the headers of
//! runs, and computed from entries.

mod nodes;

use audit::{Hash, NoProof, Node, ProofPlan, Tile, TileContent, entry_bundle, hash_tile};
use kernel::{OrganizationId, StoreError};

use crate::log::{MAX_ATTEMPTS, Reader, StoredLog, View, moved};
use nodes::Nodes;

/// The number of nodes of a full tile.
const WIDTH: u64 = 256;

/// The number of levels of the tree in a tile.
const HEIGHT: u32 = 8;

/// The reason that there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The trees are not as asked for, or their entries were removed.
    #[error(transparent)]
    NoProof(#[from] NoProof),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl StoredLog {
    /// Returns the proof that the tree with `size` entries contains the one at `index`, counted from 0. The log must have
    /// as many entries, none of them in the old form.
    ///
    /// # Errors
    /// [`ProofError`] if there is no such proof, or the store fails.
    pub async fn inclusion_proof(
        &self,
        organization: OrganizationId,
        index: u64,
        size: u64,
    ) -> Result<Vec<Hash>, ProofError> {
        self.prove(organization, &ProofPlan::inclusion(index, size)?).await
    }

    /// Returns the proof that the tree with `to` entries begins with the one that has `from`. The log must have as many
    /// entries, none of them in the old form.
    ///
    /// # Errors
    /// [`ProofError`] if there is no such proof, or the store fails.
    pub async fn consistency_proof(
        &self,
        organization: OrganizationId,
        from: u64,
        to: u64,
    ) -> Result<Vec<Hash>, ProofError> {
        self.prove(organization, &ProofPlan::consistency(from, to)?).await
    }

    /// Returns the bytes of a tile; `None` if the log doesn't have all its nodes, because it has fewer entries or some were
    /// removed.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    pub async fn tile(&self, organization: OrganizationId, tile: &Tile) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(first) = tile.number.checked_mul(WIDTH) else { return Ok(None) };
        let Some(end) = first.checked_add(tile.width).filter(|_| tile.leaves().is_some()) else { return Ok(None) };
        match tile.content {
            TileContent::Hashes(level) => {
                let wanted: Vec<Node> = (first..end).map(|index| Node { level: level * HEIGHT, index }).collect();
                let nodes = self.nodes(organization, &wanted).await?;
                let hashes: Option<Vec<Hash>> = wanted.iter().map(|node| nodes.get(*node)).collect();
                Ok(hashes.map(|hashes| hash_tile(&hashes)))
            }
            TileContent::Entries => {
                for _ in 0..MAX_ATTEMPTS {
                    let view = self.reader.chain_view(organization).await?;
                    if let Some(hashes) = self.reader.entry_hashes(&view, first..end).await? {
                        return Ok(hashes.map(|hashes| entry_bundle(&hashes)));
                    }
                }
                Err(moved(organization))
            }
        }
    }

    async fn prove(&self, organization: OrganizationId, plan: &ProofPlan) -> Result<Vec<Hash>, ProofError> {
        let wanted: Vec<Node> = plan.nodes().collect();
        let nodes = self.nodes(organization, &wanted).await?;
        Ok(plan.resolve(|node| nodes.get(node))?)
    }

    /// Returns those of these nodes that the tree has.
    async fn nodes(&self, organization: OrganizationId, wanted: &[Node]) -> Result<Nodes, StoreError> {
        for _ in 0..MAX_ATTEMPTS {
            let view = self.reader.chain_view(organization).await?;
            if let Some(nodes) = Nodes::read(&self.reader, &view, wanted).await? {
                return Ok(nodes);
            }
        }
        Err(moved(organization))
    }
}

/// The hashes of entries, if there are all of them; `None` around that if something was moved.
type EntryHashes = Option<Option<Vec<Hash>>>;

impl Reader {
    /// Returns the hashes of the entries with these indexes, counted from 0.
    async fn entry_hashes(&self, view: &View, indexes: std::ops::Range<u64>) -> Result<EntryHashes, StoreError> {
        let sequence = |index: u64| i64::try_from(index).map_or(i64::MAX, |index| index.saturating_add(1));
        let (first, end) = (sequence(indexes.start), sequence(indexes.end));
        if first <= view.removed().max(view.old_through()) || end - 1 > view.last_sequence() {
            return Ok(Some(None));
        }
        let Some(blocks) = self.blocks_between(view, first, end - 1).await? else { return Ok(None) };
        let mut hashes = Vec::new();
        for block in blocks {
            for index in 0..block.entries.len() {
                if block.first_sequence + index as i64 == first + hashes.len() as i64
                    && hashes.len() < (end - first) as usize
                {
                    hashes.push(block.seal(index).hash);
                }
            }
        }
        let is_complete = hashes.len() == (end - first) as usize;
        Ok(Some(is_complete.then_some(hashes)))
    }
}
