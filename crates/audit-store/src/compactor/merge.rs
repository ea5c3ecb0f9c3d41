//! The merge of the rows of the index of a group of segments.

use audit::{
    AuditTables,
    tables::{BodyRange, LeaseHold, RunTable, SegmentQuery, SegmentStart, TermMerge, TermQuery, TermRow},
};
use audit_runs::{SegmentTerms, merge_terms};
use kernel::OrganizationId;

use super::{Compacted, CompactedChain};
use crate::{
    blocks::{GROUP_ENTRIES, GROUP_SEGMENTS, SEGMENT_ENTRIES, end_of, hash_run, segment_terms},
    damage::{ChainFailure, Damage},
};

/// Merges the rows of the first group whose rows are not merged yet, if all its segments exist.
pub(super) async fn merge(
    tables: &dyn AuditTables,
    lease: LeaseHold,
    chain: &CompactedChain,
) -> Result<Compacted, ChainFailure> {
    let organization = chain.head.organization;
    let query = TermQuery { bucket: -1, from: 0, before: i64::MAX, downwards: false, limit: 1 };
    let first = tables.terms(organization, &query).await?;
    let Some(end) = first.first().map(|row| end_of(row.first_sequence, GROUP_ENTRIES)) else {
        return Ok(Compacted::Nothing);
    };
    if chain.through() < end {
        return Ok(Compacted::Nothing);
    }
    let first_sequence = end - GROUP_ENTRIES + 1;
    let query =
        TermQuery { bucket: -1, from: first_sequence, before: end + 1, downwards: false, limit: GROUP_SEGMENTS };
    let rows = tables.terms(organization, &query).await?;
    let mut segments = Vec::with_capacity(GROUP_SEGMENTS);
    for first in (first_sequence..=end).step_by(usize::try_from(SEGMENT_ENTRIES).expect("a segment is small")) {
        segments.push(terms_of(tables, chain, &rows, first).await?);
    }
    let merged = merge_terms(&segments).into_iter().map(|(bucket, body)| TermRow { bucket, first_sequence, body });
    let merge = TermMerge {
        lease,
        organization,
        replaced: rows.iter().map(|row| row.first_sequence).collect(),
        rows: merged.collect(),
    };
    let is_stored = tables.merge_terms(&merge).await?;
    Ok(if is_stored { Compacted::Terms { organization, first_sequence } } else { Compacted::Refused })
}

/// Returns the fingerprints of the segment whose blocks are counted from this sequence: none if it was removed. They are
/// collected anew if their row is missing or damaged, since the index has nothing that the entries don't have.
async fn terms_of(
    tables: &dyn AuditTables,
    chain: &CompactedChain,
    rows: &[TermRow],
    first: i64,
) -> Result<SegmentTerms, ChainFailure> {
    if end_of(first, SEGMENT_ENTRIES) <= chain.head.removed.sequence {
        return Ok(SegmentTerms::default());
    }
    let organization = chain.head.organization;
    let row = rows.iter().find(|row| row.first_sequence == first);
    if let Some(terms) = row.and_then(|row| SegmentTerms::decode(&row.body).ok()) {
        return Ok(terms);
    }
    tracing::error!(%organization, first, "the index of a segment of the audit log is missing or damaged; making it anew");
    let row = collect_terms(tables, organization, first).await?;
    SegmentTerms::decode(&row.body).map_err(|fault| damage(organization, first, fault.to_string()).into())
}

async fn collect_terms(
    tables: &dyn AuditTables,
    organization: OrganizationId,
    first: i64,
) -> Result<TermRow, ChainFailure> {
    let query = SegmentQuery { start: SegmentStart::Sequence(first), downwards: false, limit: 1 };
    let segments = tables.segments(organization, &query).await?;
    let Some(key) = segments.first().filter(|key| key.last_sequence == end_of(first, SEGMENT_ENTRIES)) else {
        return Err(damage(organization, first, "the segment is missing").into());
    };
    let first_sequence = key.first_sequence;
    let range = BodyRange { table: RunTable::Segments, first_sequence, offset: 0, length: usize::MAX };
    let body = tables.bodies(organization, &[range]).await?.into_iter().next().flatten();
    let body = body.ok_or_else(|| damage(organization, first, "the segment has no body"))?;
    let (entries, _) = hash_run(organization, (first_sequence, key.last_sequence), &body)?;
    Ok(segment_terms(first_sequence, &entries))
}

fn damage(organization: OrganizationId, first: i64, reason: impl Into<String>) -> Damage {
    Damage::new(organization, (first, end_of(first, SEGMENT_ENTRIES)), reason)
}
