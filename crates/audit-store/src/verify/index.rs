//! The comparison of the index with the entries of segments: without some of its rows, searches would not find them.

use std::mem;

use audit::{
    AuditTables, Fault, VerificationError,
    tables::{RunKey, TermQuery, TermRow},
};
use audit_runs::{SegmentTerms, merge_terms, merged_row_contains};
use kernel::{OrganizationId, StoreError};

use crate::blocks::{GROUP_ENTRIES, GROUP_SEGMENTS, SEGMENT_ENTRIES, group_of, segment_start};

/// The segments of one group whose terms were collected and are not compared yet.
#[derive(Default)]
pub(super) struct Index {
    group: i64,
    segments: Vec<(RunKey, SegmentTerms)>,
}

impl Index {
    /// Adds a segment with the terms of its entries. The segments before are compared if it belongs to another group.
    pub(super) async fn push(
        &mut self,
        tables: &dyn AuditTables,
        organization: OrganizationId,
        key: &RunKey,
        terms: SegmentTerms,
    ) -> Result<(), VerificationError> {
        let group = group_of(key.last_sequence);
        if group != self.group {
            self.check(tables, organization).await?;
            self.group = group;
        }
        self.segments.push((key.clone(), terms));
        Ok(())
    }

    /// Compares the segments that were added with the rows of the index: those of single segments, of which a group has
    /// all or none, or else the merged ones of the group.
    pub(super) async fn check(
        &mut self,
        tables: &dyn AuditTables,
        organization: OrganizationId,
    ) -> Result<(), VerificationError> {
        let segments = mem::take(&mut self.segments);
        let (Some((first, _)), Some((last, _))) = (segments.first(), segments.last()) else { return Ok(()) };
        let whole = Fault::AlteredIndex { first: first.first_sequence, last: last.last_sequence };
        let rows = self.rows(tables, organization, -1, GROUP_SEGMENTS).await?;
        if rows.is_empty() {
            return self.check_merged(tables, organization, &segments, whole).await;
        }
        for (RunKey { first_sequence: first, last_sequence: last, .. }, terms) in segments {
            let row = rows.iter().find(|row| row.first_sequence == segment_start(first));
            let stored = row.and_then(|row| SegmentTerms::decode(&row.body).ok());
            if !stored.is_some_and(|stored| stored.contains_all(&terms)) {
                return Err(Fault::AlteredIndex { first, last }.into());
            }
        }
        Ok(())
    }

    async fn check_merged(
        &self,
        tables: &dyn AuditTables,
        organization: OrganizationId,
        segments: &[(RunKey, SegmentTerms)],
        fault: Fault,
    ) -> Result<(), VerificationError> {
        let start = self.group * GROUP_ENTRIES + 1;
        let mut terms = vec![SegmentTerms::default(); GROUP_SEGMENTS];
        for (key, of_segment) in segments {
            let number = (segment_start(key.first_sequence) - start) / SEGMENT_ENTRIES;
            if let Some(terms) = usize::try_from(number).ok().and_then(|number| terms.get_mut(number)) {
                terms.clone_from(of_segment);
            }
        }
        for (bucket, expected) in merge_terms(&terms) {
            // The stored row may also have the terms of segments that were removed.
            let rows = self.rows(tables, organization, bucket, 1).await?;
            if !rows.first().is_some_and(|row| merged_row_contains(&row.body, &expected).unwrap_or(false)) {
                return Err(fault.into());
            }
        }
        Ok(())
    }

    async fn rows(
        &self,
        tables: &dyn AuditTables,
        organization: OrganizationId,
        bucket: i64,
        limit: usize,
    ) -> Result<Vec<TermRow>, StoreError> {
        let from = self.group * GROUP_ENTRIES + 1;
        let query = TermQuery { bucket, from, before: from + GROUP_ENTRIES, downwards: false, limit };
        tables.terms(organization, &query).await
    }
}
