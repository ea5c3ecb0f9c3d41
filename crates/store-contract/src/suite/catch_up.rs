//! The time up to which a list is complete (contract v1 § 6, `X-As-Of`).

use std::{
    collections::BTreeSet,
    sync::Arc,
    task::{Context, Waker},
    time::Duration,
};

use audit::AuditFilter;
use findings::Finding;
use kernel::{Order, PageLimit, PageRequest, TimeRange, Timestamp};
use registers::Control;

use crate::{Fixture, samples};

fn since(moment: Timestamp) -> PageRequest {
    let time_range = TimeRange { updated_after: Some(moment), ..TimeRange::default() };
    PageRequest { order: Order::Changed, limit: PageLimit::clamped(2), time_range, after: None }
}

async fn records_as_of(fixture: &Fixture) -> Timestamp {
    let page = PageRequest::default();
    let as_of = fixture.list::<Finding>(fixture.home, &Default::default(), &page).await.as_of;
    let of_controls = fixture.list::<Control>(fixture.home, &Default::default(), &page).await.as_of;
    let of_entries = entries_as_of(fixture).await;
    assert!(of_controls >= as_of && entries_as_of(fixture).await >= of_entries, "a low watermark went back");
    as_of
}

async fn entries_as_of(fixture: &Fixture) -> Timestamp {
    fixture.store.entries(fixture.home, &AuditFilter::default(), &PageRequest::default()).await.unwrap().as_of
}

/// An in-flight entry may still become visible in the log; a catch-up on records need not wait for it.
pub async fn an_in_flight_entry_holds_back_only_the_as_of_of_the_audit_log(fixture: Fixture) {
    let in_flight = fixture.store.begin_entry();
    fixture.clock.advance(Duration::from_secs(5));
    assert!(entries_as_of(&fixture).await <= in_flight.at());
    assert!(records_as_of(&fixture).await >= fixture.now());
    drop(in_flight);
    assert!(entries_as_of(&fixture).await >= fixture.now());
}

/// An in-flight write brings audit entries with it, so the log is not complete after its timestamp either.
pub async fn an_in_flight_write_holds_back_the_as_of_of_the_audit_log(fixture: Fixture) {
    let changeset = fixture.changeset(fixture.home);
    fixture.clock.advance(Duration::from_secs(5));
    assert!(entries_as_of(&fixture).await <= changeset.at());
}

/// An entry whose caller is gone is still in flight: until it is in the log, the log is not complete after its
/// timestamp. Afterwards the entry holds nothing back.
pub async fn an_abandoned_append_holds_back_the_as_of_of_the_audit_log_until_it_is_stored(fixture: Fixture) {
    let page = PageRequest::default();
    for _ in 0..16 {
        let organization = fixture.new_id();
        let timestamp = fixture.store.begin_entry();
        let at = timestamp.at();
        let mut append = fixture.store.append(samples::entry(&*fixture.entropy, organization, at), timestamp);
        let _ = append.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        drop(append);
        fixture.clock.advance(Duration::from_secs(5));
        let stored = async {
            loop {
                let listed = fixture.store.entries(organization, &AuditFilter::default(), &page).await.unwrap();
                assert!(
                    listed.as_of <= at || !listed.items.is_empty(),
                    "as_of {} has passed an in-flight entry",
                    listed.as_of
                );
                if listed.as_of > at {
                    break;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), stored).await.expect("the abandoned append was never stored");
    }
}

/// A write that has a timestamp but is not stored yet may still become visible, so no list is complete after its
/// timestamp.
pub async fn an_in_flight_write_holds_back_as_of(fixture: Fixture) {
    let (changeset, stored) = fixture.create_changeset(fixture.home, samples::finding("slow"));
    fixture.clock.advance(Duration::from_secs(5));
    fixture.create(fixture.home, samples::finding("quick")).await;
    let as_of = records_as_of(&fixture).await;
    assert!(as_of <= stored.meta.updated_at);
    fixture.commit(changeset).await.unwrap();
    let caught_up = fixture.list_all::<Finding>(fixture.home, &Default::default(), since(as_of)).await;
    assert!(caught_up.contains(&stored), "the catch-up missed the write that was in flight");
    assert!(records_as_of(&fixture).await >= fixture.now());
}

/// A write that is dropped or fails no longer holds anything back.
pub async fn a_dropped_or_failed_write_does_not_hold_back_as_of(fixture: Fixture) {
    let dropped = fixture.changeset(fixture.home);
    let taken = fixture.create(fixture.home, samples::finding("taken")).await;
    let (refused, _) = fixture.create_changeset(fixture.home, taken.record);
    fixture.clock.advance(Duration::from_secs(5));
    assert!(fixture.commit(refused).await.is_err());
    assert!(records_as_of(&fixture).await < fixture.now());
    drop(dropped);
    assert!(records_as_of(&fixture).await >= fixture.now());
}

/// Passed to the next pull, `as_of` returns the records that changed since, and only those.
pub async fn a_catch_up_returns_exactly_the_changed_records(fixture: Fixture) {
    let mut all = Vec::new();
    for number in 0..5 {
        all.push(fixture.create(fixture.home, samples::finding(&format!("f-{number}"))).await);
    }
    let first = records_as_of(&fixture).await;
    assert!(fixture.list_all::<Finding>(fixture.home, &Default::default(), since(first)).await.is_empty());
    let changed = fixture.update(&all[3], samples::finding("f-3")).await;
    let created = fixture.create(fixture.home, samples::finding("f-5")).await;
    let mut seen = fixture.list_all::<Finding>(fixture.home, &Default::default(), since(first)).await;
    seen.sort_by_key(|stored| stored.meta.id);
    assert_eq!(seen, [changed, created]);
    let second = records_as_of(&fixture).await;
    assert!(second > first);
    assert!(fixture.list_all::<Finding>(fixture.home, &Default::default(), since(second)).await.is_empty());
}

/// No write is hidden from a catch-up by a clock that is set back.
pub async fn a_clock_that_steps_back_hides_no_write(fixture: Fixture) {
    fixture.create(fixture.home, samples::finding("before")).await;
    let first = records_as_of(&fixture).await;
    fixture.clock.set(Timestamp::from_millis(first.millis() - 3_600_000));
    let after = fixture.create(fixture.home, samples::finding("after")).await;
    assert_eq!(fixture.list_all::<Finding>(fixture.home, &Default::default(), since(first)).await, [after]);
}

/// A client that pulls repeatedly while others write receives everything in the end.
pub async fn a_reader_among_concurrent_writers_misses_no_record(fixture: Fixture) {
    let fixture = Arc::new(fixture);
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let fixture = Arc::clone(&fixture);
            tokio::spawn(async move {
                for number in 0..50 {
                    let (changeset, _) =
                        fixture.create_changeset(fixture.home, samples::finding(&format!("f-{writer}-{number}")));
                    fixture.clock.tick();
                    tokio::task::yield_now().await;
                    fixture.store.commit(changeset).await.unwrap();
                }
            })
        })
        .collect();
    let (mut mirror, mut from) = (BTreeSet::new(), Timestamp::MIN);
    loop {
        let last = writers.iter().all(tokio::task::JoinHandle::is_finished);
        let mut page = since(from);
        let mut next = None;
        loop {
            let listed = fixture.list::<Finding>(fixture.home, &Default::default(), &page).await;
            // The `as_of` of the first page holds for all pages of the pull.
            next = next.or(Some(listed.as_of));
            mirror.extend(listed.items.into_iter().map(|stored| stored.meta.id));
            let Some(after) = listed.next else { break };
            page.after = Some(after);
        }
        from = next.unwrap();
        if last {
            break;
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(mirror.len(), 200);
}
