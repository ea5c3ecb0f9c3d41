//! The cache of fingerprints of runs and of segments whose rows of the index are not merged.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use audit::tables::{RunKey, RunTable};
use audit_runs::{RunEntry, SegmentTerms};
use kernel::OrganizationId;

use super::byte_cache::ByteCache;

/// The bytes of fingerprints that are kept.
const TERM_BYTES: usize = 32 << 20;

/// The fingerprints of a run or segment, by the organization, its first sequence and its last one.
type TermKey = (OrganizationId, i64, i64);

/// The fingerprints of segments that are not merged yet, and of runs, which have no index.
pub(crate) struct TermCache {
    terms: ByteCache<TermKey, Arc<SegmentTerms>>,
    /// The sequence before which the rows of all segments of an organization are merged.
    merged_before: Mutex<HashMap<OrganizationId, i64>>,
}

impl Default for TermCache {
    fn default() -> Self {
        Self { terms: ByteCache::new(TERM_BYTES), merged_before: Mutex::default() }
    }
}

impl TermCache {
    pub(super) fn get(&self, organization: OrganizationId, key: &RunKey) -> Option<Arc<SegmentTerms>> {
        self.terms.get(&(organization, key.first_sequence, key.last_sequence))
    }

    pub(super) fn insert(&self, organization: OrganizationId, key: &RunKey, terms: Arc<SegmentTerms>, bytes: usize) {
        self.terms.insert((organization, key.first_sequence, key.last_sequence), terms, bytes);
    }

    /// Keeps the fingerprints of a run that was read.
    pub(crate) fn keep_run(&self, organization: OrganizationId, key: &RunKey, entries: &[RunEntry]) {
        if key.table == RunTable::Runs && self.get(organization, key).is_none() {
            self.insert(
                organization,
                key,
                Arc::new(SegmentTerms::after_removed(0, entries.iter().map(RunEntry::content))),
                100 + 30 * entries.len(),
            );
        }
    }

    pub(super) fn merged_before(&self, organization: OrganizationId) -> i64 {
        let merged = self.merged_before.lock().unwrap_or_else(PoisonError::into_inner);
        merged.get(&organization).copied().unwrap_or_default()
    }

    pub(super) fn set_merged_before(&self, organization: OrganizationId, sequence: i64) {
        let mut merged = self.merged_before.lock().unwrap_or_else(PoisonError::into_inner);
        let before = merged.entry(organization).or_default();
        *before = sequence.max(*before);
    }
}
