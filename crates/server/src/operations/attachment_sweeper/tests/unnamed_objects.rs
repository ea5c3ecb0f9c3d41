//! Tests of the removal of what no record names.

use super::*;

#[tokio::test]
async fn objects_that_no_record_names_and_uploads_that_were_cut_are_removed_after_two_days() {
    let harness = Harness::new().await;
    let now = harness.fixture.now();
    let key = |organization, generation| ContentKey {
        organization,
        hash: ContentHash([4; 32]),
        generation: Ulid::from_parts(now.millis().unsigned_abs(), generation),
    };
    let home = harness.organization.id;
    let foreign = key(Id::new(Ulid(77)), 1);
    harness.contents.put(key(home, 1).into(), now);
    harness.contents.put(foreign.into(), now);
    harness.contents.put(ObjectName::Upload(home, Ulid(5)), now);
    let linked = harness.upload(1).await;
    harness.link(&linked).await;
    harness.fixture.clock.advance(48 * HOUR);
    assert_eq!(harness.sweep().await, SweepSummary::default(), "two days have not passed yet");
    harness.contents.put(key(home, 2).into(), harness.fixture.now());
    harness.fixture.clock.tick();
    assert_eq!(harness.sweep().await, SweepSummary { objects: 1, uploads: 1, ..SweepSummary::default() });
    let mut left = harness.contents.names();
    left.retain(|name| !name.contains(linked.record.sha256.as_str()));
    let mut expected = vec![key(home, 2).to_string(), foreign.to_string()];
    expected.sort();
    assert_eq!(left, expected, "objects of an unknown organization and young ones are left");
    for action in [OBJECTS_FOUND, OBJECTS_REMOVED] {
        assert_eq!(harness.recorded(&action).await, [[key(home, 1).to_string()]], "{action}");
    }
}

#[tokio::test]
async fn an_object_that_can_not_be_removed_stops_no_other_one_and_is_tried_again_at_growing_intervals() {
    let harness = Harness::new().await;
    let now = harness.fixture.now();
    let home = harness.organization.id;
    let (locked, free) = (harness.unnamed(1), harness.unnamed(2));
    let (locked_upload, free_upload) = (ObjectName::Upload(home, Ulid(1)), ObjectName::Upload(home, Ulid(2)));
    for name in [locked.into(), free.into(), locked_upload, free_upload] {
        harness.contents.put(name, now);
    }
    harness.contents.protect(locked.into());
    harness.contents.protect(locked_upload);
    harness.fixture.clock.advance(49 * HOUR);
    let mut sweeper = harness.sweeper();
    let summary = sweeper.run_once().await.unwrap();
    assert_eq!(summary, SweepSummary { objects: 1, uploads: 1, ..SweepSummary::default() });
    assert_eq!(harness.contents.names(), [locked.to_string(), locked_upload.to_string()]);
    let mut refused = Vec::new();
    for _ in 0..8 {
        refused.push(harness.contents.refused_removals());
        harness.fixture.clock.advance(Duration::from_secs(60));
        assert_eq!(sweeper.run_once().await.unwrap(), SweepSummary::default());
    }
    assert_eq!(refused, [2, 4, 4, 6, 6, 6, 6, 8]);
    assert_eq!(harness.recorded(&OBJECTS_FOUND).await, [[locked.to_string(), free.to_string()]]);
    assert_eq!(harness.recorded(&OBJECTS_REMOVED).await, [[free.to_string()]]);

    harness.contents.unprotect();
    harness.fixture.clock.advance(HOUR);
    let summary = sweeper.run_once().await.unwrap();
    assert_eq!(summary, SweepSummary { objects: 1, uploads: 1, ..SweepSummary::default() });
    assert!(harness.contents.names().is_empty());
    assert_eq!(harness.recorded(&OBJECTS_REMOVED).await, [[free.to_string()], [locked.to_string()]]);
}

#[tokio::test]
async fn a_run_ends_after_some_failures_and_the_next_one_continues_with_other_objects() {
    let harness = Harness::new().await;
    let now = harness.fixture.now();
    for number in 0..25 {
        harness.contents.put(harness.unnamed(number).into(), now);
        harness.contents.protect(harness.unnamed(number).into());
    }
    let last = harness.unnamed(25);
    harness.contents.put(last.into(), now);
    harness.fixture.clock.advance(49 * HOUR);
    let mut sweeper = harness.sweeper();
    let mut removed = Vec::new();
    for _ in 0..3 {
        removed.push(sweeper.run_once().await.unwrap().objects);
    }
    assert_eq!((removed, harness.contents.refused_removals()), (vec![0, 0, 1], 25));
    assert_eq!(harness.recorded(&OBJECTS_FOUND).await.len(), 1);
}

#[tokio::test]
async fn a_removal_is_recorded_later_if_the_database_is_not_available_after_it() {
    let harness = Harness::new().await;
    let key = harness.unnamed(1);
    harness.contents.put(key.into(), harness.fixture.now());
    harness.fixture.clock.advance(49 * HOUR);
    let commits = AtomicUsize::new(0);
    let fail = move || match commits.fetch_add(1, Ordering::SeqCst) {
        1 => Err(StoreError::Unavailable("the test wants it so".into())),
        _ => Ok(()),
    };
    assert!(harness.commits.hook.set(Box::new(fail)).is_ok());
    let mut sweeper = harness.sweeper();
    assert!(sweeper.run_once().await.is_err());
    assert!(harness.contents.names().is_empty());
    assert_eq!(harness.recorded(&OBJECTS_REMOVED).await, [[""; 0]; 0]);
    assert_eq!(sweeper.run_once().await.unwrap().objects, 1);
    assert_eq!(harness.recorded(&OBJECTS_REMOVED).await, [[key.to_string()]]);
}

#[tokio::test]
async fn the_store_is_listed_in_steps_and_again_after_a_day() {
    let harness = Harness::new().await;
    let now = harness.fixture.now();
    let upload = |number: u128| ObjectName::Upload(harness.organization.id, Ulid(number));
    let count = LISTED_OBJECTS * MAX_LISTS + 1;
    for number in 0..count {
        harness.contents.put(upload(number as u128), now);
    }
    harness.fixture.clock.advance(49 * HOUR);
    let mut sweeper = harness.sweeper();
    assert_eq!(sweeper.run_once().await.unwrap().uploads, count - 1);
    assert_eq!(sweeper.run_once().await.unwrap().uploads, 1);
    harness.contents.put(upload(0), now);
    harness.fixture.clock.advance(23 * HOUR);
    assert_eq!(sweeper.run_once().await.unwrap().uploads, 0);
    harness.fixture.clock.advance(2 * HOUR);
    assert_eq!(sweeper.run_once().await.unwrap().uploads, 1);
}

#[tokio::test]
async fn the_bytes_of_a_removed_attachment_that_stay_are_tried_again_after_a_minute() {
    let harness = Harness::new().await;
    let (locked, free) = (harness.upload(1).await, harness.upload(2).await);
    let name = harness.contents.names().into_iter().find(|name| name.contains(locked.record.sha256.as_str())).unwrap();
    harness.contents.protect(name.parse().unwrap());
    harness.fixture.clock.advance(25 * HOUR);
    let mut sweeper = harness.sweeper();
    assert_eq!(sweeper.run_once().await.unwrap().attachments, 2);
    for attachment in [&locked, &free] {
        assert_eq!(harness.status(attachment).await, AttachmentStatus::Removed);
    }
    assert_eq!(harness.contents.names(), std::slice::from_ref(&name));
    harness.contents.unprotect();
    assert_eq!(sweeper.run_once().await.unwrap(), SweepSummary::default());
    harness.fixture.clock.advance(Duration::from_secs(60));
    assert_eq!(sweeper.run_once().await.unwrap().objects, 1);
    assert_eq!(harness.recorded(&OBJECTS_REMOVED).await, [[name]]);
}
