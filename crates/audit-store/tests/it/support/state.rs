//! The state of a chain in a store.

use std::collections::{BTreeMap, BTreeSet};

use audit::{
    AuditFilter, AuditTables, Fault, Seal, StoredEntry, VerificationError,
    tables::{BodyRange, NewRun, RunKey, RunTable, SegmentQuery, SegmentStart, TermQuery},
};
use audit_runs::{Fingerprint, SegmentTerms, TermKind, decode, merged_blocks};
use kernel::{Entry, Id, OrganizationId, PageLimit, PageRequest, Timestamp};
use novantra_audit_store::{Expected, StoredLog};
use store_contract::TestLogKey;

use super::TestChain;

pub(crate) async fn runs_of(tables: &dyn AuditTables, organization: OrganizationId) -> Vec<RunKey> {
    tables.recent(organization).await.unwrap().runs
}

pub(crate) async fn segments_of(tables: &dyn AuditTables, organization: OrganizationId) -> Vec<RunKey> {
    let query = SegmentQuery { start: SegmentStart::End, downwards: false, limit: usize::MAX };
    tables.segments(organization, &query).await.unwrap()
}

async fn body_of(tables: &dyn AuditTables, organization: OrganizationId, run: &RunKey) -> Vec<u8> {
    let range = BodyRange { table: run.table, first_sequence: run.first_sequence, offset: 0, length: usize::MAX };
    tables.bodies(organization, &[range]).await.unwrap().remove(0).unwrap()
}

/// Asserts that each entry of a converted chain is in exactly one run or segment, that the index finds it there, and that
/// the tree over what is stored is that of the head.
pub(crate) async fn assert_consistent(chain: &TestChain) {
    let (tables, organization) = (&*chain.tables, chain.organization);
    let segments = segments_of(tables, organization).await;
    let mut runs = segments.clone();
    runs.extend(runs_of(tables, organization).await);
    let mut found = Vec::new();
    let mut high_id = kernel::Ulid::nil();
    for run in &runs {
        let (header, entries) = decode(&body_of(tables, organization, run).await).unwrap();
        assert_eq!((header.organization, header.first_sequence), (organization, run.first_sequence));
        assert_eq!(run.first_sequence, chain.first_sequence() + i64::try_from(found.len()).unwrap());
        assert_eq!(run.last_sequence - run.first_sequence + 1, i64::try_from(entries.len()).unwrap());
        assert_eq!(entries.iter().map(|entry| entry.id.ulid()).min().unwrap(), run.first_id);
        high_id = entries.iter().map(|entry| entry.id.ulid()).fold(high_id, Ord::max);
        assert_eq!(run.high_id, high_id, "of the run from {}", run.first_sequence);
        found.extend(entries);
    }
    let expected: Vec<Entry> = chain.entries.iter().map(|(entry, _)| entry.clone()).collect();
    assert!(found == expected, "{} entries were found, {} were sealed", found.len(), expected.len());
    let log = StoredLog::new(std::sync::Arc::clone(&chain.tables));
    match log.verify(organization, &TestLogKey::DEFAULT, Expected::default()).await {
        // The removals of these tests are not recorded, which is found last.
        Ok(_) | Err(VerificationError::Fault(Fault::UnrecordedRemoval { .. })) => {}
        Err(error) => panic!("{error}"),
    }
    for segment in &segments {
        assert_indexed(chain, segment).await;
    }
    assert_listed(chain, &log).await;
}

/// Asserts that lists by the terms of some entries have exactly the entries that match, with their seals.
pub(crate) async fn assert_listed(chain: &TestChain, log: &StoredLog) {
    let stored = chain.stored_entries();
    let step = (chain.entries.len() / 5).max(1);
    for (entry, _) in chain.entries.iter().step_by(step) {
        let one = |value: Option<&str>| value.into_iter().map(str::to_owned).collect();
        let filters = [
            AuditFilter {
                subjects: one(entry.subject.as_ref().map(|subject| subject.id.as_str())),
                ..AuditFilter::default()
            },
            AuditFilter {
                actors: one(entry.actor.id.as_deref()),
                actions: one(Some(entry.action.as_str())),
                ..AuditFilter::default()
            },
        ];
        for filter in filters {
            let matching: BTreeMap<_, _> =
                stored.iter().filter(|stored| filter.matches(&stored.entry)).map(id_and_seal).collect();
            let mut page = PageRequest { limit: PageLimit::clamped(200), ..PageRequest::default() };
            let mut listed = BTreeMap::new();
            loop {
                let found = log.entries(chain.organization, &filter, &page, Timestamp::MIN).await.unwrap();
                listed.extend(found.items.iter().map(id_and_seal));
                let Some(next) = found.next else { break };
                page.after = Some(next);
            }
            assert!(listed == matching, "{filter:?}: {} entries are listed, {} match", listed.len(), matching.len());
        }
    }
}

fn id_and_seal(stored: &StoredEntry) -> (Id<Entry>, Option<Seal>) {
    (stored.entry.id, stored.seal)
}

/// Asserts that the index of a segment is a row of its own or part of merged ones, and names the block of each entry.
async fn assert_indexed(chain: &TestChain, segment: &RunKey) {
    let aligned = (segment.first_sequence - 1) / 4096 * 4096 + 1;
    let query = |bucket, from, before| TermQuery { bucket, from, before, downwards: false, limit: usize::MAX };
    let rows = chain.tables.terms(chain.organization, &query(-1, aligned, aligned + 1)).await.unwrap();
    let own = rows.first().map(|row| SegmentTerms::decode(&row.body).unwrap());
    let group = (aligned - 1) / 1_048_576 * 1_048_576 + 1;
    let first = usize::try_from(segment.first_sequence - chain.first_sequence()).unwrap();
    let count = usize::try_from(segment.last_sequence - segment.first_sequence + 1).unwrap();
    let mut terms = BTreeSet::new();
    for (sequence, (entry, _)) in (segment.first_sequence..).zip(&chain.entries[first..first + count]) {
        let block = (sequence - aligned) / 256;
        let mut add = |kind, term: &str| terms.insert((Fingerprint::of(kind, term), block));
        add(TermKind::Action, entry.action.as_str());
        add(TermKind::Actor, entry.actor.id.as_deref().unwrap());
        if let Some(subject) = &entry.subject {
            add(TermKind::Subject, &subject.id);
            add(TermKind::ChangedSubject, &subject.id);
        }
    }
    for (fingerprint, block) in terms {
        let merged =
            chain.tables.terms(chain.organization, &query(fingerprint.bucket(), group, group + 1)).await.unwrap();
        let is_merged = merged.first().is_some_and(|row| {
            let blocks = merged_blocks(&row.body, fingerprint).unwrap();
            blocks.contains(&u16::try_from((aligned - group) / 256 + block).unwrap())
        });
        let is_own = own.as_ref().is_some_and(|terms| terms.blocks(fingerprint) >> block & 1 == 1);
        assert!(is_own != is_merged, "block {block} of the segment from {aligned}: own {is_own}, merged {is_merged}");
    }
}

/// Changes a byte of a run, and returns the run as it was.
pub(crate) async fn flip_byte_of_run(chain: &mut TestChain, first_sequence: i64, position: usize) -> NewRun {
    let runs = runs_of(&*chain.tables, chain.organization).await;
    let key = runs.iter().find(|run| run.first_sequence == first_sequence).unwrap();
    let body = body_of(&*chain.tables, chain.organization, key).await;
    assert_eq!(key.table, RunTable::Runs);
    let RunKey { first_sequence, last_sequence, first_id, high_id, .. } = *key;
    let run = NewRun { first_sequence, last_sequence, first_id, high_id, body };
    let mut flipped = run.clone();
    let position = position % flipped.body.len();
    flipped.body[position] ^= 1;
    chain.replace_run(flipped).await;
    run
}
