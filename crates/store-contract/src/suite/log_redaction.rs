//! The replacement of bodies by ones in which an entry is redacted.

use audit::{
    Hash,
    tables::{BodyRedaction, Compaction, LeaseHold, RunTable, StoredHead, TermQuery, TermRow},
};
use kernel::OrganizationId;

use crate::{
    Fixture,
    log_rows::{LogRows, progress, segment, terms, whole},
};

/// Stores a chain with a run and a segment.
async fn chain(fixture: &Fixture) -> (LogRows, OrganizationId) {
    let log = LogRows::open(fixture).await;
    let organization = fixture.new_id();
    log.seal_head(progress(organization, 0, 7)).await;
    let compaction = Compaction {
        lease: log.lease.clone(),
        organization,
        replaced_runs: Vec::new(),
        segment: segment(11, 20),
        terms: terms(-1, 11),
        tiles: Vec::new(),
    };
    assert!(log.tables.compact(&compaction).await.unwrap());
    (log, organization)
}

fn redaction(log: &LogRows, organization: OrganizationId, table: RunTable) -> BodyRedaction {
    let (first_sequence, last_sequence) = if table == RunTable::Runs { (1, 7) } else { (11, 20) };
    let terms = (table == RunTable::Segments).then(|| TermRow { body: vec![9, 9], ..terms(-1, 11) });
    BodyRedaction {
        lease: log.lease.clone(),
        organization,
        table,
        first_sequence,
        last_sequence,
        body: vec![7; 33],
        terms,
    }
}

async fn redacted(log: &LogRows, organization: OrganizationId) -> i64 {
    let heads: Vec<StoredHead> = log.tables.heads(&[organization]).await.unwrap();
    heads[0].redacted
}

/// The body is replaced with its digest and its row of the index, and the head counts that.
pub async fn a_redacted_body_replaces_the_stored_one(fixture: Fixture) {
    let (log, organization) = chain(&fixture).await;
    for (table, first, count) in [(RunTable::Runs, 1, 1), (RunTable::Segments, 11, 2)] {
        assert!(log.tables.redact(&redaction(&log, organization, table)).await.unwrap());
        assert_eq!(log.tables.bodies(organization, &[whole(table, first)]).await.unwrap(), [Some(vec![7; 33])]);
        assert_eq!(redacted(&log, organization).await, count);
    }
    assert_eq!(log.tables.digests(organization, 0, 9).await.unwrap(), [(11, Hash::digest(&[7; 33]))]);
    let query = TermQuery { bucket: -1, from: 0, before: 99, downwards: false, limit: 9 };
    assert_eq!(log.tables.terms(organization, &query).await.unwrap()[0].body, [9, 9]);
    // What is sealed later leaves the count as it is.
    log.seal_head(progress(organization, 7, 8)).await;
    assert_eq!(redacted(&log, organization).await, 2);
}

/// Rows of the index that were merged stay as they are.
pub async fn a_redaction_adds_no_row_of_the_index(fixture: Fixture) {
    let (log, organization) = chain(&fixture).await;
    let merged = audit::tables::TermMerge {
        lease: log.lease.clone(),
        organization,
        replaced: vec![11],
        rows: vec![terms(5, 1)],
    };
    assert!(log.tables.merge_terms(&merged).await.unwrap());
    assert!(log.tables.redact(&redaction(&log, organization, RunTable::Segments)).await.unwrap());
    let query = TermQuery { bucket: -1, from: 0, before: 99, downwards: false, limit: 9 };
    assert_eq!(log.tables.terms(organization, &query).await.unwrap(), []);
}

/// Nothing is stored without the lease, or if the run is another by now.
pub async fn a_redaction_that_expects_something_else_stores_nothing(fixture: Fixture) {
    let (log, organization) = chain(&fixture).await;
    for table in [RunTable::Runs, RunTable::Segments] {
        let expected = redaction(&log, organization, table);
        let other = LeaseHold { owner: "another".to_owned(), ..log.lease.clone() };
        for refused in [
            BodyRedaction { lease: other, ..expected.clone() },
            BodyRedaction { last_sequence: expected.last_sequence + 1, ..expected.clone() },
            BodyRedaction { first_sequence: expected.first_sequence + 1, ..expected.clone() },
            BodyRedaction { organization: fixture.new_id(), ..expected.clone() },
        ] {
            assert!(!log.tables.redact(&refused).await.unwrap());
            assert_eq!(redacted(&log, organization).await, 0);
            let body = log.tables.bodies(organization, &[whole(table, expected.first_sequence)]).await.unwrap();
            assert_ne!(body, [Some(vec![7; 33])]);
        }
    }
}
