//! The keys of an organization's segments, kept in the process: segments are only added, or removed from the start.

use std::sync::Arc;

use audit::tables::{AuditTables, RunKey, SegmentQuery, SegmentStart};
use kernel::{OrganizationId, StoreError, Ulid};

use super::byte_cache::ByteCache;

/// The number of keys that are read at a time.
const PAGE: usize = 1_000;

/// The keys of the segments after the entries of the old form, in the order of the chain.
#[derive(Clone, Debug, Default)]
pub(crate) struct Directory {
    pub(crate) keys: Vec<RunKey>,
    /// For each segment, the smallest identifier in it and all later ones.
    pub(crate) low_ids: Vec<Ulid>,
    /// The sequence up to which entries are read in the old form. Conversion adds segments at the start.
    old_through: i64,
}

impl Directory {
    fn push(&mut self, key: RunKey) {
        for low in self.low_ids.iter_mut().rev().take_while(|low| **low > key.first_id) {
            *low = key.first_id;
        }
        self.low_ids.push(key.first_id);
        self.keys.push(key);
    }

    /// The sequence of the last entry.
    pub(crate) fn last_sequence(&self) -> i64 {
        self.keys.last().map_or(self.old_through, |key| key.last_sequence)
    }

    /// Returns the segment with this sequence, by its index.
    pub(crate) fn find(&self, sequence: i64) -> Option<usize> {
        let index = self.keys.partition_point(|key| key.last_sequence < sequence);
        self.keys.get(index).filter(|key| key.first_sequence <= sequence).map(|_| index)
    }

    fn bytes(&self) -> usize {
        self.keys.len() * (size_of::<RunKey>() + size_of::<Ulid>()) + 100
    }
}

/// The directories of the organizations that were read last.
pub(crate) struct Directories {
    cache: ByteCache<OrganizationId, Arc<Directory>>,
}

impl Directories {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { cache: ByteCache::new(max_bytes) }
    }

    /// Returns all segments of an organization that exist at this time, and perhaps some that were removed since.
    pub(crate) async fn load(
        &self,
        tables: &dyn AuditTables,
        organization: OrganizationId,
        old_through: i64,
    ) -> Result<Arc<Directory>, StoreError> {
        let cached = self.cache.get(&organization).filter(|cached| cached.old_through == old_through);
        let mut directory = cached.unwrap_or_else(|| Arc::new(Directory { old_through, ..Directory::default() }));
        let cached_keys = directory.keys.len();
        loop {
            let start = SegmentStart::Sequence(directory.last_sequence() + 1);
            let query = SegmentQuery { start, downwards: false, limit: PAGE };
            let read = tables.segments(organization, &query).await?;
            let is_last = read.len() < PAGE;
            if !read.is_empty() {
                let extended = Arc::make_mut(&mut directory);
                read.into_iter().for_each(|key| extended.push(key));
            }
            if is_last {
                break;
            }
        }
        if directory.keys.len() > cached_keys {
            self.cache.insert(organization, Arc::clone(&directory), directory.bytes());
        }
        Ok(directory)
    }

    /// Forgets an organization's segments.
    pub(crate) fn forget(&self, organization: OrganizationId) {
        self.cache.remove(&organization);
    }
}

#[cfg(test)]
mod tests {
    use audit::tables::RunTable;

    use super::*;

    #[test]
    fn each_segment_has_the_smallest_identifier_of_all_later_ones() {
        let mut directory = Directory::default();
        for (number, first_id) in [3, 5, 9, 4, 7].into_iter().enumerate() {
            let first_sequence = number as i64 * 10 + 1;
            directory.push(RunKey {
                table: RunTable::Segments,
                first_sequence,
                last_sequence: first_sequence + 9,
                first_id: Ulid(first_id),
                high_id: Ulid::max(),
                archived: None,
            });
        }
        assert_eq!(directory.low_ids, [3, 4, 4, 4, 7].map(Ulid));
        assert_eq!(
            [0, 1, 10, 11, 50, 51].map(|sequence| directory.find(sequence)),
            [None, Some(0), Some(0), Some(1), Some(4), None]
        );
    }
}
