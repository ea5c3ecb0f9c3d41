//! Sealed entries in the order of the chain.

use std::sync::Arc;

use audit::{
    SealedEntry,
    tables::{RunKey, RunTable},
};
use audit_runs::BLOCK_ENTRIES;
use kernel::{OrganizationId, StoreError};

use super::{
    block_cache::{Block, LogVersion},
    blocks::{ALL_BLOCKS, Wish},
    lists::moved,
    reader::{MAX_ATTEMPTS, Reader},
    view::View,
};

/// Segments that have all entries that were asked for.
struct Segments {
    version: LogVersion,
    /// The sequence before the first of the entries.
    after: i64,
    keys: Vec<RunKey>,
}

impl Reader {
    /// Returns up to `limit` sealed entries after this sequence.
    pub(crate) async fn sealed(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<SealedEntry>, StoreError> {
        for _ in 0..MAX_ATTEMPTS {
            let segments = self.segments_behind(organization, after, limit).await?;
            let found = match segments {
                Some(Segments { version, after, keys }) => {
                    self.read_behind(version, &keys, after, limit, Vec::new()).await?
                }
                None => self.read_view_behind(&self.chain_view(organization).await?, after, limit).await?,
            };
            if let Some(found) = found {
                return Ok(found);
            }
        }
        Err(moved(organization))
    }

    /// Returns the blocks of all entries from `first` to `last`, which exist; `None` if something was moved.
    pub(crate) async fn blocks_between(
        &self,
        view: &View,
        first: i64,
        last: i64,
    ) -> Result<Option<Vec<Arc<Block>>>, StoreError> {
        let units = view.unit_at(first)..view.len();
        let keys: Vec<RunKey> =
            units.map(|unit| view.key(unit).clone()).take_while(|key| key.first_sequence <= last).collect();
        let wishes: Vec<Wish> = keys.iter().filter_map(|key| wish_between(key, first, last)).collect();
        let loaded = self.load(view.version(), &wishes).await?;
        Ok(loaded.map(|loaded| loaded.into_iter().flatten().collect()))
    }

    /// Returns the segments with all these entries, and the sequence before the first of these, if segments have them all.
    /// Then nothing else need be read.
    async fn segments_behind(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Option<Segments>, StoreError> {
        let Some(head) = self.head(organization).await? else { return Ok(None) };
        let after = after.max(head.removed.sequence);
        let directory = self.segments(organization, head.old_through).await?;
        let last = after.saturating_add_unsigned(limit as u64);
        if after < head.old_through || last > directory.last_sequence() {
            return Ok(None);
        }
        let first = directory.keys.partition_point(|key| key.last_sequence <= after);
        let end = directory.keys.partition_point(|key| key.first_sequence <= last);
        let keys = directory.keys[first..end].to_vec();
        let is_contiguous = keys.first().is_some_and(|key| key.first_sequence <= after + 1)
            && keys.is_sorted_by(|one, other| one.last_sequence + 1 == other.first_sequence);
        let version = (organization, head.redacted);
        Ok(is_contiguous.then_some(Segments { version, after, keys }))
    }

    async fn read_view_behind(
        &self,
        view: &View,
        after: i64,
        limit: usize,
    ) -> Result<Option<Vec<SealedEntry>>, StoreError> {
        let organization = view.organization;
        let mut found = Vec::new();
        let old_through = view.old_through();
        if after < old_through {
            let old = self.tables.old_sealed(organization, after, limit).await?;
            found = old.into_iter().map(SealedEntry::Entry).collect();
            if !self.still_old_through(view).await? {
                return Ok(None);
            }
            let is_full = found.len() == limit;
            found.retain(|sealed: &SealedEntry| sealed.seal().is_some_and(|seal| seal.sequence <= old_through));
            if is_full && found.len() == limit {
                return Ok(Some(found));
            }
        }
        let after = after.max(old_through).max(view.removed());
        let keys: Vec<RunKey> = (view.unit_at(after.saturating_add(1))..view.len())
            .map(|unit| view.key(unit).clone())
            .take_while(|key| key.first_sequence <= after.saturating_add_unsigned(limit as u64))
            .collect();
        self.read_behind(view.version(), &keys, after, limit, found).await
    }

    async fn read_behind(
        &self,
        version: LogVersion,
        keys: &[RunKey],
        after: i64,
        limit: usize,
        mut found: Vec<SealedEntry>,
    ) -> Result<Option<Vec<SealedEntry>>, StoreError> {
        let first = after.saturating_add(1);
        let last = after.saturating_add_unsigned((limit - found.len().min(limit)) as u64);
        let wishes: Vec<Wish> = keys.iter().filter_map(|key| wish_between(key, first, last)).collect();
        let Some(loaded) = self.load(version, &wishes).await? else { return Ok(None) };
        for block in loaded.iter().flatten() {
            let sequences = block.first_sequence..;
            let indices =
                sequences.zip(0..block.entries.len()).filter(|(sequence, _)| (first..=last).contains(sequence));
            found.extend(indices.map(|(_, index)| block.sealed(version.0, index)));
        }
        Ok(Some(found))
    }
}

/// The blocks of a run that have entries from `first` to `last`; `None` if none have.
fn wish_between(key: &RunKey, first: i64, last: i64) -> Option<Wish> {
    let (first, last) = (first.max(key.first_sequence), last.min(key.last_sequence));
    if first > last {
        return None;
    }
    if key.table == RunTable::Runs {
        return Some(Wish { key: key.clone(), blocks: ALL_BLOCKS });
    }
    let block = |sequence: i64| (sequence - key.first_sequence) / BLOCK_ENTRIES as i64;
    let blocks = (block(first)..=block(last)).fold(0, |blocks, block| blocks | 1 << block);
    Some(Wish { key: key.clone(), blocks })
}
