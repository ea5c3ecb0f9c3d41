//! The archive of old segments.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use audit::{
    ArchiveObjects, AuditFilter, AuditTables, Fault, HasAuditTables, Hash, Head, ObjectKey, RowKey, VerificationError,
};
use audit_runs::ArchiveObject;
use kernel::{Order, PageLimit, PageRequest, StoreError, Timestamp};
use novantra_audit_store::{
    ArchiveFault, ArchiveVerifier, Archived, Archiver, Compacted, Expected, LogSigner, StoredLog, note_archive_use,
    remove_prefix,
};
use store_contract::TestLogKey;

use crate::support::{
    FailingTables, Failure, TestChain, TestObjects, assert_consistent, keys, lease_owner, segments_of,
};

/// A chain whose first tile has two segments, in front of which all entries were removed, and is followed by some entries.
async fn chain() -> (TestChain, Arc<TestObjects>) {
    let mut chain = TestChain::starting_after(14 * 4096).await;
    let objects = Arc::new(TestObjects::default());
    chain.store.use_archive(objects.clone());
    chain.grow(2 * 4096 + 300).await;
    compact(&chain).await;
    (chain, objects)
}

async fn compact(chain: &TestChain) {
    let mut compactor = chain.compactor();
    while compactor.run_once().await.unwrap() != Compacted::Nothing {}
}

fn archive_keys() -> (Arc<dyn RowKey>, Option<LogSigner>) {
    (keys().rows, None)
}

fn archiver_over(chain: &TestChain, tables: Arc<dyn AuditTables>, objects: &Arc<TestObjects>) -> Archiver {
    let objects = Arc::clone(objects) as Arc<dyn ArchiveObjects>;
    Archiver::new((tables, objects), chain.clock.clone(), Some(lease_owner()), archive_keys(), Duration::ZERO)
}

fn archiver(chain: &TestChain, objects: &Arc<TestObjects>) -> Archiver {
    archiver_over(chain, Arc::clone(&chain.tables), objects)
}

fn key(chain: &TestChain) -> ObjectKey {
    ObjectKey { organization: chain.organization, first_sequence: 14 * 4096 + 1, last_sequence: 16 * 4096 }
}

fn log(chain: &TestChain) -> StoredLog {
    StoredLog::new(Arc::clone(&chain.tables))
}

/// The number of entries on the first page in this order.
async fn list(log: &StoredLog, chain: &TestChain, order: Order) -> Result<usize, StoreError> {
    let request = PageRequest { order, limit: PageLimit::clamped(10), ..PageRequest::default() };
    let page = log.entries(chain.organization, &AuditFilter::default(), &request, Timestamp::MAX).await?;
    Ok(page.items.len())
}

async fn oldest(log: &StoredLog, chain: &TestChain) -> Result<usize, StoreError> {
    list(log, chain, Order::Changed).await
}

#[tokio::test]
async fn the_segments_of_a_tile_become_an_object_and_are_read_from_it() {
    let (chain, objects) = chain().await;
    let mut archiver = archiver(&chain, &objects);
    assert!(archiver.is_due());
    assert_eq!(archiver.run_once().await.unwrap(), Archived::Object(key(&chain)));
    assert_eq!(archiver.run_once().await.unwrap(), Archived::Nothing);
    assert!(!archiver.is_due());
    assert_eq!(objects.names(), [key(&chain).name()]);
    let segments = segments_of(&*chain.tables, chain.organization).await;
    let locations: Vec<_> = segments.iter().map(|segment| segment.archived.clone().unwrap()).collect();
    assert!(locations.iter().all(|(object, _)| *object == key(&chain).name()), "{locations:?}");
    assert!(locations[0].1 == 0 && locations[1].1 > 0, "{locations:?}");
    assert_consistent(&chain).await;
    let bytes = objects.read(&key(&chain).name(), 0..u64::MAX / 4).await.unwrap().unwrap();
    let object = ArchiveObject::parse(&bytes).unwrap();
    assert_eq!((object.first_sequence, object.last_sequence), (14 * 4096 + 1, 16 * 4096));
}

#[tokio::test]
async fn nothing_is_archived_before_its_time_or_before_its_tile_is_complete() {
    let (mut chain, objects) = chain().await;
    let archive = (Arc::clone(&chain.tables), objects.clone() as Arc<dyn ArchiveObjects>);
    let mut archiver =
        Archiver::new(archive, chain.clock.clone(), Some(lease_owner()), archive_keys(), Duration::from_secs(3600));
    assert_eq!(archiver.run_once().await.unwrap(), Archived::Nothing);
    chain.clock.advance(Duration::from_secs(3000));
    assert_eq!(archiver.run_once().await.unwrap(), Archived::Nothing);
    chain.clock.advance(Duration::from_secs(700));
    assert!(archiver.is_due());
    assert_eq!(archiver.run_once().await.unwrap(), Archived::Object(key(&chain)));
    chain.grow(8 * 4096).await;
    compact(&chain).await;
    chain.clock.advance(Duration::from_secs(7200));
    assert_eq!(archiver.run_once().await.unwrap(), Archived::Nothing);
    assert_eq!(objects.names().len(), 1);
}

#[tokio::test]
async fn an_archiver_that_is_killed_at_any_call_loses_nothing() {
    for failure in [Failure::BeforeItsEffect, Failure::AfterItsEffect] {
        for of_objects in [false, true] {
            let (chain, objects) = chain().await;
            let mut kills = 0;
            for calls in 0.. {
                let tables = FailingTables::new(&chain.tables, failure, if of_objects { 1_000 } else { calls });
                if of_objects {
                    objects.fail_after(calls, failure);
                }
                let mut archiver = archiver_over(&chain, Arc::clone(&tables) as Arc<dyn AuditTables>, &objects);
                let outcome = loop {
                    match archiver.run_once().await {
                        Ok(Archived::Object(_)) => {}
                        outcome => break outcome,
                    }
                };
                let has_failed = if of_objects { objects.has_failed() } else { tables.has_failed() };
                objects.fail_after(1_000_000, failure);
                assert_eq!(outcome.is_err(), has_failed, "{outcome:?}");
                assert_consistent(&chain).await;
                if let Ok(outcome) = outcome {
                    assert_eq!(outcome, Archived::Nothing);
                    break;
                }
                kills += 1;
            }
            assert!(kills >= 2, "only {kills} calls were cut");
            assert_eq!(objects.names(), [key(&chain).name()]);
            let segments = segments_of(&*chain.tables, chain.organization).await;
            assert!(segments.iter().all(|segment| segment.archived.is_some()));
        }
    }
}

#[tokio::test]
async fn a_process_without_the_lease_archives_nothing() {
    let (chain, objects) = chain().await;
    let mut owner = lease_owner();
    owner.owner.push('2');
    let archive = (Arc::clone(&chain.tables), objects.clone() as Arc<dyn ArchiveObjects>);
    let mut archiver = Archiver::new(archive, chain.clock.clone(), Some(owner), archive_keys(), Duration::ZERO);
    assert_eq!(archiver.run_once().await.unwrap(), Archived::Refused);
    assert!(segments_of(&*chain.tables, chain.organization).await.iter().all(|segment| segment.archived.is_none()));
    assert_consistent(&chain).await;
}

#[tokio::test]
async fn another_object_of_the_same_name_keeps_the_bodies_in_the_tables() {
    let (chain, objects) = chain().await;
    objects.write(&key(&chain).name(), b"something else".to_vec()).await.unwrap();
    let mut archiver = archiver(&chain, &objects);
    let Archived::Damaged(damage) = archiver.run_once().await.unwrap() else { panic!("it was not noticed") };
    assert_eq!((damage.first_sequence, damage.last_sequence), (14 * 4096 + 1, 16 * 4096));
    assert_consistent(&chain).await;
    assert!(segments_of(&*chain.tables, chain.organization).await.iter().all(|segment| segment.archived.is_none()));
}

#[tokio::test]
async fn a_flipped_byte_of_an_archived_body_is_named_with_its_range() {
    let (chain, objects) = chain().await;
    let mut archiver = archiver(&chain, &objects);
    assert_eq!(archiver.run_once().await.unwrap(), Archived::Object(key(&chain)));
    let name = key(&chain).name();
    let locations = segments_of(&*chain.tables, chain.organization).await;
    let second = usize::try_from(locations[1].archived.as_ref().unwrap().1).unwrap();
    // Headers with anchors, a dictionary, and blocks of both segments.
    for position in [0, 30, 200, 2_500, second - 1, second, second + 40, second + 3_000, second + 4_300] {
        objects.change(&name, |bytes| bytes[position] ^= 1);
        let first = if position < second { 14 * 4096 + 1 } else { 15 * 4096 + 1 };
        match log(&chain).verify(chain.organization, &TestLogKey::DEFAULT, Expected::default()).await {
            Err(VerificationError::Fault(fault)) => {
                let text = fault.to_string();
                let is_in = |number: i64| (first..first + 4096).contains(&number);
                let numbers =
                    text.split(|character: char| !character.is_ascii_digit()).filter_map(|text| text.parse().ok());
                assert!(numbers.clone().any(is_in), "byte {position}: {text}");
                assert!(!matches!(fault, Fault::UnrecordedRemoval { .. }), "byte {position} was not noticed");
            }
            outcome => panic!("byte {position}: {outcome:?}"),
        }
        objects.change(&name, |bytes| bytes[position] ^= 1);
    }
    assert_consistent(&chain).await;
}

#[tokio::test(start_paused = true)]
async fn an_archive_that_does_not_answer_delays_only_who_needs_it() {
    let (mut chain, objects) = chain().await;
    let mut archiver = archiver(&chain, &objects);
    assert_eq!(archiver.run_once().await.unwrap(), Archived::Object(key(&chain)));
    objects.set_away(true);
    let log = log(&chain);
    let (newest, has_used) = note_archive_use(list(&log, &chain, Order::Newest)).await;
    assert_eq!((newest.unwrap(), has_used), (10, false));
    let error = oldest(&log, &chain).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable(_)), "{error}");
    assert!(error.to_string().contains("does not answer"), "{error}");
    chain.grow(10).await;
    objects.set_away(false);
    let (found, has_used) = note_archive_use(oldest(&log, &chain)).await;
    assert_eq!((found.unwrap(), has_used), (10, true));
    let (found, has_used) = note_archive_use(oldest(&log, &chain)).await;
    assert_eq!((found.unwrap(), has_used), (10, false), "what was read is kept in the process");
}

#[tokio::test]
async fn a_page_reads_little_of_an_object() {
    let (chain, objects) = chain().await;
    archiver(&chain, &objects).run_once().await.unwrap();
    let before = objects.bytes_read.load(Ordering::SeqCst);
    assert_eq!(oldest(&log(&chain), &chain).await.unwrap(), 10);
    let read = objects.bytes_read.load(Ordering::SeqCst) - before;
    assert!(read < 40_000, "{read} bytes were read");
}

#[tokio::test]
async fn an_object_is_removed_after_all_its_entries() {
    let (mut chain, objects) = chain().await;
    let mut archiver = archiver(&chain, &objects);
    assert_eq!(archiver.run_once().await.unwrap(), Archived::Object(key(&chain)));
    let before = chain.head.removed;
    let head = |sequence: i64, chain: &TestChain| {
        let index = usize::try_from(sequence - before.sequence - 1).unwrap();
        Head { sequence, hash: chain.entries[index].1 }
    };
    let (middle, end) = (head(15 * 4096, &chain), head(16 * 4096, &chain));
    assert!(remove_prefix(&*chain.tables, chain.organization, before, middle).await.unwrap());
    chain.clock.advance(Duration::from_secs(3600));
    assert_eq!(archiver.run_once().await.unwrap(), Archived::Nothing);
    assert_eq!(objects.names().len(), 1, "one of its segments is left");
    assert!(remove_prefix(&*chain.tables, chain.organization, middle, end).await.unwrap());
    // Somebody with the database could have written so into the head.
    chain.clock.advance(Duration::from_secs(3600));
    assert!(matches!(archiver.run_once().await.unwrap(), Archived::Damaged(_)));
    assert_eq!(objects.names().len(), 1, "the log does not record the removal");
    chain.record_removal(end).await;
    // A pass that is killed leaves it to the next one.
    chain.clock.advance(Duration::from_secs(3600));
    objects.fail_after(1, Failure::BeforeItsEffect);
    archiver.run_once().await.unwrap_err();
    assert_eq!(objects.names().len(), 1);
    assert_eq!(archiver.run_once().await.unwrap(), Archived::Nothing);
    assert_eq!(objects.names(), Vec::<String>::new());
    chain.head.removed = end;
    chain.entries.drain(..2 * 4096);
    assert_consistent(&chain).await;
}

#[tokio::test]
async fn objects_verify_by_themselves_against_what_was_kept_elsewhere() {
    let mut chain = TestChain::new().await;
    let objects = Arc::new(TestObjects::default());
    chain.store.use_archive(objects.clone());
    chain.grow(300).await;
    let root = |chain: &TestChain| {
        let tree = chain.head.tree.as_ref().unwrap();
        (tree.size(), tree.root())
    };
    let note = root(&chain);
    chain.grow(65_536 - 300).await;
    let end = root(&chain);
    compact(&chain).await;
    let key = ObjectKey { organization: chain.organization, first_sequence: 1, last_sequence: 65_536 };
    assert_eq!(archiver(&chain, &objects).run_once().await.unwrap(), Archived::Object(key));
    let bytes = objects.read(&key.name(), 0..1 << 40).await.unwrap().unwrap();
    let verify = |bytes: &[u8], roots: &[(u64, Hash)]| {
        let mut verifier = ArchiveVerifier::new(Vec::new(), roots.iter().copied().collect());
        verifier.push(bytes)?;
        verifier.finish()
    };
    let verified = verify(&bytes, &[note, end]).unwrap();
    assert_eq!((verified.last, verified.signed_through, verified.compared), (chain.head.head, 65_536, 2));
    assert_eq!(verify(&bytes, &[note]).unwrap().signed_through, 300);
    assert_eq!(verify(&bytes, &[]), Err(ArchiveFault::Unsigned));
    assert_eq!(verify(&bytes, &[(65_537, end.1)]), Err(ArchiveFault::Unsigned));
    assert_eq!(verify(&bytes, &[(299, note.1)]), Err(ArchiveFault::OtherTree { size: 299 }));
    // Segments, the digests and the tile: the note alone is not needed.
    for position in [0, 200, 1_000, 3_000, bytes.len() / 2, bytes.len() - 8_400, bytes.len() - 4_000, bytes.len() - 3] {
        let mut flipped = bytes.clone();
        flipped[position] ^= 1;
        let fault = verify(&flipped, &[end]).unwrap_err();
        assert!(!matches!(fault, ArchiveFault::Unsigned), "byte {position}: {fault}");
    }
    let mut verifier = ArchiveVerifier::new(Vec::new(), [end].into());
    verifier.push(&bytes).unwrap();
    assert_eq!(verifier.push(&bytes), Err(ArchiveFault::Gap { expected: 65_537, found: 1 }));
}
