//! Streams of complete collections (contract v1 § 1).

use std::time::Duration;

use audit::AuditFilter;
use findings::{Finding, FindingFilter, Severity};
use kernel::{Order, PageLimit, PageRequest, Reader, SnapshotStream, StoreError, Stored, StreamRequest};
use registers::Control;

use crate::{Fixture, fixture::rest, samples};

/// More records than any store reads in one batch.
const MANY: usize = 700;
/// The number of concurrent streams that every store supports.
const PLACES: usize = 8;

async fn findings(fixture: &Fixture) -> Vec<Stored<Finding>> {
    let mut all = Vec::with_capacity(MANY);
    while all.len() < MANY {
        fixture.clock.tick();
        let mut changeset = fixture.changeset(fixture.home);
        for number in all.len()..MANY.min(all.len() + 100) {
            let severity = Severity::ALL[number % Severity::ALL.len()];
            let finding = Finding { severity, ..samples::finding(&format!("f-{number}")) };
            let stored = fixture.fresh(&changeset, finding);
            changeset.create(&stored);
            all.push(stored);
        }
        fixture.commit(changeset).await.unwrap();
    }
    all
}

async fn open(fixture: &Fixture, request: &StreamRequest) -> SnapshotStream<Stored<Finding>> {
    let filter = FindingFilter::default();
    Reader::<Finding>::stream(&*fixture.store, fixture.home, &filter, request).await.unwrap()
}

/// A stream returns the same records in the same order as its pages, also if there are more than one batch.
pub async fn a_stream_gives_what_a_walk_meets_in_its_order(fixture: Fixture) {
    let all = findings(&fixture).await;
    fixture.clock.tick();
    fixture.revise(&all[1], Finding { severity: Severity::Low, ..samples::finding("f-1") }).await;
    fixture.create(fixture.organization("other").await, samples::finding("of-another")).await;
    for filter in [
        FindingFilter::default(),
        FindingFilter { severities: [Severity::Low].into(), ..FindingFilter::default() },
        FindingFilter { severities: [Severity::Low, Severity::High].into(), ..FindingFilter::default() },
    ] {
        for order in [Order::Newest, Order::Changed] {
            let page = PageRequest { limit: PageLimit::clamped(200), order, ..PageRequest::default() };
            let listed = fixture.walk::<Finding>(fixture.home, &filter, page).await;
            assert!(listed.len() > 100);
            assert_eq!(fixture.stream::<Finding>(fixture.home, &filter, page).await, listed, "{filter:?}, {order:?}");
        }
    }
    let nothing = fixture.stream::<Control>(fixture.home, &Default::default(), PageRequest::default()).await;
    assert!(nothing.is_empty());
}

/// A stream returns the records as they were when it was requested.
pub async fn what_is_written_during_a_stream_does_not_show(fixture: Fixture) {
    let all = findings(&fixture).await;
    for order in [Order::Newest, Order::Changed] {
        let before = fixture
            .walk::<Finding>(fixture.home, &Default::default(), PageRequest { order, ..PageRequest::default() })
            .await;
        let mut streamed = open(&fixture, &StreamRequest { order, ..StreamRequest::default() }).await;
        for index in [0, MANY / 2, MANY - 1] {
            fixture.clock.tick();
            let current = fixture.get(fixture.home, all[index].meta.id).await.unwrap();
            fixture.revise(&current, Finding { severity: Severity::Critical, ..current.record.clone() }).await;
        }
        fixture.create(fixture.home, samples::finding(&format!("late-{order:?}"))).await;
        let mut received = streamed.batches.next().await.unwrap().unwrap();
        fixture.create(fixture.home, samples::finding(&format!("later-{order:?}"))).await;
        received.extend(rest(streamed.batches).await.unwrap());
        assert_eq!(received, before, "{order:?}");
    }
}

/// The `as_of` of a stream is held back by in-flight writes, like that of a page.
pub async fn a_write_in_flight_holds_the_as_of_of_a_stream_back(fixture: Fixture) {
    let any = AuditFilter::default();
    let request = StreamRequest::default();
    let changeset = fixture.changeset(fixture.home);
    fixture.clock.advance(Duration::from_secs(5));
    assert!(open(&fixture, &request).await.as_of <= changeset.at());
    assert!(fixture.store.stream_entries(fixture.home, &any, &request).await.unwrap().as_of <= changeset.at());
    drop(changeset);
    let in_flight = fixture.store.begin_entry();
    fixture.clock.advance(Duration::from_secs(5));
    assert!(open(&fixture, &request).await.as_of >= fixture.now());
    assert!(fixture.store.stream_entries(fixture.home, &any, &request).await.unwrap().as_of <= in_flight.at());
}

/// The greatest supported number of streams that are not read blocks no other call. Each stream releases its slot when
/// it is dropped, at whatever position.
pub async fn stalled_streams_are_in_nobodys_way_and_give_their_places_back(fixture: Fixture) {
    let all = findings(&fixture).await;
    let request = StreamRequest::default();
    for round in 0..3 {
        let mut stalled = Vec::new();
        for number in 0..PLACES {
            let mut streamed = open(&fixture, &request).await;
            if number % 2 == 0 {
                streamed.batches.next().await.unwrap();
            }
            stalled.push(streamed);
        }
        for stored in all.iter().step_by(70) {
            let current = fixture.get(fixture.home, stored.meta.id).await.unwrap();
            fixture.revise(&current, samples::finding(current.record.key.as_str())).await;
        }
        let listed = fixture.list::<Finding>(fixture.home, &Default::default(), &PageRequest::default()).await;
        assert_eq!(listed.items.len(), 50, "round {round}");
    }
}

/// Closing a store does not wait for streams, and a stream that is aborted by it ends with an error.
pub async fn a_store_that_is_closed_waits_for_no_stream(fixture: Fixture) {
    let all = findings(&fixture).await;
    let request = StreamRequest { order: Order::Changed, ..StreamRequest::default() };
    let streamed = open(&fixture, &request).await;
    tokio::time::timeout(Duration::from_secs(30), fixture.store.close())
        .await
        .expect("closing the store waits for a stream");
    match rest(streamed.batches).await {
        Ok(received) => assert_eq!(received, all),
        Err(error) => assert!(matches!(error, StoreError::Unavailable(_)), "{error}"),
    }
}
