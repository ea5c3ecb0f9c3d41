//! Bodies of segments in the archive.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use audit::{
    ArchiveObjects, ObjectKey,
    tables::{Archival, BodyRange, Compaction, LeaseHold, RunTable, SegmentQuery, SegmentStart},
};
use kernel::{OrganizationId, StoreError};

use crate::{
    Fixture,
    log_rows::{LogRows, segment, terms, whole},
};

/// An archive in memory.
#[derive(Default)]
struct Objects(Mutex<BTreeMap<String, Vec<u8>>>);

#[async_trait]
impl ArchiveObjects for Objects {
    async fn write(&self, name: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), bytes);
        Ok(())
    }

    async fn read(&self, name: &str, range: Range<u64>) -> Result<Option<Vec<u8>>, StoreError> {
        let objects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bound = |bound: u64, bytes: &[u8]| usize::try_from(bound).unwrap_or(usize::MAX).min(bytes.len());
        Ok(objects.get(name).map(|bytes| bytes[bound(range.start, bytes)..bound(range.end, bytes)].to_vec()))
    }

    async fn list(&self, _: &str, _: usize) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    async fn remove(&self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Stores three segments, and returns an archival of the first two.
async fn archival(log: &LogRows, organization: OrganizationId) -> Archival {
    for first in [1, 11, 21] {
        let compaction = Compaction {
            lease: log.lease.clone(),
            organization,
            replaced_runs: Vec::new(),
            segment: segment(first, first + 9),
            terms: terms(-1, first),
            tiles: Vec::new(),
        };
        assert!(log.tables.compact(&compaction).await.unwrap());
    }
    let object = ObjectKey { organization, first_sequence: 1, last_sequence: 20 }.name();
    Archival { lease: Some(log.lease.clone()), organization, object, segments: vec![(1, 5), (11, 20)] }
}

async fn locations(log: &LogRows, organization: OrganizationId) -> Vec<Option<(String, i64)>> {
    let query = SegmentQuery { start: SegmentStart::End, downwards: false, limit: 9 };
    log.tables.segments(organization, &query).await.unwrap().into_iter().map(|key| key.archived).collect()
}

/// A body that was archived is read from its object, in any range; others are read from their table as before.
pub async fn archived_bodies_are_read_from_their_object(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    let organization = fixture.new_id();
    let archival = archival(&log, organization).await;
    assert!(log.tables.archive(&archival).await.unwrap());
    let location = |offset| Some((archival.object.clone(), offset));
    assert_eq!(locations(&log, organization).await, [location(5), location(20), None]);
    let ranges = [
        whole(RunTable::Segments, 21),
        BodyRange { offset: 8, length: 3, ..whole(RunTable::Segments, 11) },
        BodyRange { offset: 0, length: 7, ..whole(RunTable::Segments, 1) },
        whole(RunTable::Segments, 11),
    ];
    let error = log.tables.bodies(organization, &ranges).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "without an archive: {error}");
    assert!(log.tables.bodies(organization, &ranges[..1]).await.unwrap()[0].is_some());
    let objects = Arc::new(Objects::default());
    fixture.store.use_archive(objects.clone());
    let error = log.tables.bodies(organization, &ranges).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "without the object: {error}");
    let bytes = [b"12345", segment(1, 10).run.body.as_slice(), &segment(11, 20).run.body].concat();
    objects.write(&archival.object, bytes).await.unwrap();
    let expected = [segment(21, 30).run.body, b"11 ".to_vec(), b"segment".to_vec(), segment(11, 20).run.body];
    assert_eq!(log.tables.bodies(organization, &ranges).await.unwrap(), expected.map(Some));
    assert_eq!(log.tables.bodies(fixture.new_id(), &ranges).await.unwrap(), [None, None, None, None]);
    let digests = log.tables.digests(organization, 0, 9).await.unwrap();
    assert_eq!(digests[0], (1, segment(1, 10).digest));
}

/// Bodies are archived all or none: not if one of them is gone, and not without the lease if one is required.
pub async fn an_archival_that_expects_something_else_stores_nothing(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    let organization = fixture.new_id();
    let archival = archival(&log, organization).await;
    let missing = Archival { segments: vec![(1, 5), (11, 20), (31, 40)], ..archival.clone() };
    let other = LeaseHold { owner: "another".to_owned(), ..log.lease.clone() };
    for refused in [missing, Archival { lease: Some(other), ..archival.clone() }] {
        assert!(!log.tables.archive(&refused).await.unwrap());
        assert_eq!(locations(&log, organization).await, [None, None, None]);
        let body = log.tables.bodies(organization, &[whole(RunTable::Segments, 1)]).await.unwrap();
        assert_eq!(body, [Some(segment(1, 10).run.body)]);
    }
    // A command needs no lease.
    assert!(log.tables.archive(&Archival { lease: None, ..archival.clone() }).await.unwrap());
    assert!(!log.tables.archive(&archival).await.unwrap(), "the bodies are gone");
}

/// An object of another organization is never read, whatever the tables say.
pub async fn a_location_in_another_organizations_object_is_not_read(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    let organization = fixture.new_id();
    let archival = archival(&log, organization).await;
    let foreign = ObjectKey { organization: fixture.new_id(), first_sequence: 1, last_sequence: 20 }.name();
    let objects = Arc::new(Objects::default());
    objects.write(&foreign, vec![7; 99]).await.unwrap();
    fixture.store.use_archive(objects);
    assert!(log.tables.archive(&Archival { object: foreign, ..archival }).await.unwrap());
    assert_eq!(log.tables.bodies(organization, &[whole(RunTable::Segments, 1)]).await.unwrap(), [None]);
}
