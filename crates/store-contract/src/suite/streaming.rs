//! Streams of complete collections (contract v1 § 1).

use std::time::Duration;

use audit::AuditFilter;
use findings::{Finding, FindingFilter, Severity};
use kernel::{Order, PageLimit, PageRequest, Reader, SnapshotStream, StoreError, Stored, StreamRequest};
use registers::Control;

use super::listing::ORDERS;
use crate::{Fixture, fixture::drain, samples};

/// More records than any store reads in one batch.
const RECORDS: usize = 700;
/// The number of concurrent streams that every store supports.
const CONCURRENT_STREAMS: usize = 8;

async fn create_findings(fixture: &Fixture) -> Vec<Stored<Finding>> {
    let mut all = Vec::with_capacity(RECORDS);
    while all.len() < RECORDS {
        fixture.clock.tick();
        let mut changeset = fixture.changeset(fixture.home);
        for number in all.len()..RECORDS.min(all.len() + 100) {
            let severity = Severity::ALL[number % Severity::ALL.len()];
            let finding = Finding { severity, ..samples::finding(&format!("f-{number}")) };
            let stored = fixture.new_record(&changeset, finding);
            changeset.create(&stored);
            all.push(stored);
        }
        fixture.commit(changeset).await.unwrap();
    }
    all
}

async fn open_stream(fixture: &Fixture, request: &StreamRequest) -> SnapshotStream<Stored<Finding>> {
    let filter = FindingFilter::default();
    Reader::<Finding>::stream(&*fixture.store, fixture.home, &filter, request).await.unwrap()
}

/// A stream returns the same records in the same order as its pages, also if there are more than one batch.
pub async fn a_stream_returns_the_same_records_in_the_same_order_as_pagination(fixture: Fixture) {
    let all = create_findings(&fixture).await;
    fixture.clock.tick();
    fixture.update(&all[1], Finding { severity: Severity::Low, ..samples::finding("f-1") }).await;
    fixture.create(fixture.create_organization("other").await, samples::finding("of-another")).await;
    for filter in [
        FindingFilter::default(),
        FindingFilter::default().with("severity", [Severity::Low]),
        FindingFilter::default().with("severity", [Severity::Low, Severity::High]),
    ] {
        for order in ORDERS {
            let page = PageRequest { limit: PageLimit::clamped(200), order, ..PageRequest::default() };
            let listed = fixture.list_all::<Finding>(fixture.home, &filter, page).await;
            assert!(listed.len() > 100);
            assert_eq!(fixture.stream::<Finding>(fixture.home, &filter, page).await, listed, "{filter:?}, {order:?}");
        }
    }
    let nothing = fixture.stream::<Control>(fixture.home, &Default::default(), PageRequest::default()).await;
    assert!(nothing.is_empty());
}

/// A stream returns the records as they were when it was requested.
pub async fn writes_during_a_stream_are_not_visible_in_it(fixture: Fixture) {
    let all = create_findings(&fixture).await;
    for order in ORDERS {
        let before = fixture
            .list_all::<Finding>(fixture.home, &Default::default(), PageRequest { order, ..PageRequest::default() })
            .await;
        let mut streamed = open_stream(&fixture, &StreamRequest { order, ..StreamRequest::default() }).await;
        for index in [0, RECORDS / 2, RECORDS - 1] {
            fixture.clock.tick();
            let current = fixture.get(fixture.home, all[index].meta.id).await.unwrap();
            fixture.update(&current, Finding { severity: Severity::Critical, ..current.record.clone() }).await;
        }
        fixture.create(fixture.home, samples::finding(&format!("late-{order:?}"))).await;
        let mut received = streamed.batches.next().await.unwrap().unwrap();
        fixture.create(fixture.home, samples::finding(&format!("later-{order:?}"))).await;
        received.extend(drain(streamed.batches).await.unwrap());
        assert_eq!(received, before, "{order:?}");
    }
}

/// The `as_of` of a stream is held back by in-flight writes, like that of a page.
pub async fn an_in_flight_write_holds_back_the_as_of_of_a_stream(fixture: Fixture) {
    let any = AuditFilter::default();
    let request = StreamRequest::default();
    let changeset = fixture.changeset(fixture.home);
    fixture.clock.advance(Duration::from_secs(5));
    assert!(open_stream(&fixture, &request).await.as_of <= changeset.at());
    assert!(fixture.store.stream_entries(fixture.home, &any, &request).await.unwrap().as_of <= changeset.at());
    drop(changeset);
    let in_flight = fixture.store.begin_entry();
    fixture.clock.advance(Duration::from_secs(5));
    assert!(open_stream(&fixture, &request).await.as_of >= fixture.now());
    assert!(fixture.store.stream_entries(fixture.home, &any, &request).await.unwrap().as_of <= in_flight.at());
}

/// The greatest supported number of streams that are not read blocks no other call. Each stream releases its slot when
/// it is dropped, at whatever position.
pub async fn stalled_streams_block_no_call_and_release_their_slots(fixture: Fixture) {
    let all = create_findings(&fixture).await;
    let request = StreamRequest::default();
    for round in 0..3 {
        let mut stalled = Vec::new();
        for number in 0..CONCURRENT_STREAMS {
            let mut streamed = open_stream(&fixture, &request).await;
            if number % 2 == 0 {
                streamed.batches.next().await.unwrap();
            }
            stalled.push(streamed);
        }
        for stored in all.iter().step_by(70) {
            let current = fixture.get(fixture.home, stored.meta.id).await.unwrap();
            fixture.update(&current, samples::finding(current.record.key.as_str())).await;
        }
        let listed = fixture.list::<Finding>(fixture.home, &Default::default(), &PageRequest::default()).await;
        assert_eq!(listed.items.len(), 50, "round {round}");
    }
}

/// Closing a store does not wait for streams, and a stream that is aborted by it ends with an error.
pub async fn closing_a_store_does_not_wait_for_streams(fixture: Fixture) {
    let all = create_findings(&fixture).await;
    let request = StreamRequest { order: Order::Changed, ..StreamRequest::default() };
    let streamed = open_stream(&fixture, &request).await;
    tokio::time::timeout(Duration::from_secs(30), fixture.store.close())
        .await
        .expect("closing the store waits for a stream");
    match drain(streamed.batches).await {
        Ok(received) => assert_eq!(received, all),
        Err(error) => assert!(matches!(error, StoreError::Unavailable(_)), "{error}"),
    }
}
