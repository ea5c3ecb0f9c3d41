//! Uploads that are refused or end before they are complete.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http_api::ApiSettings;
use scopes::Scope;
use tokio::time::{Instant, sleep};

use super::{super::upload, assert_nothing_is_stored, bytes};
use crate::support::{Client, MAX_ATTACHMENT_BYTES, TestApi, TestRequest};

fn request(api: &TestApi, client: &Client) -> TestRequest {
    upload(api, client, Vec::new())
}

/// A body of pieces of one kibibyte, one each `interval`.
fn slow_body(interval: Duration, pieces: usize) -> Body {
    Body::from_stream(stream::iter(0..pieces).then(move |_| async move {
        sleep(interval).await;
        std::io::Result::Ok(Bytes::from_static(&[b'x'; 1024]))
    }))
}

/// A body that must not be read.
fn unreadable_body() -> Body {
    Body::from_stream(stream::once(async { panic!("the body was read") }).map(|()| std::io::Result::Ok(Bytes::new())))
}

#[tokio::test]
async fn an_upload_that_is_refused_for_its_caller_or_its_head_is_refused_before_its_body_is_read() {
    let api = TestApi::open().await;
    let (client, reader) = (api.full_access_client().await, api.client(api.home, &[Scope::EvidenceRead]).await);
    let expecting = |call: TestRequest| call.header("expect", "100-continue");
    let anonymous = expecting(request(&api, &client)).without_header("authorization");
    anonymous.send_body_stream(unreadable_body()).await.expect(401);
    expecting(request(&api, &reader)).send_body_stream(unreadable_body()).await.expect(403);
    let nameless = expecting(request(&api, &client)).without_header("content-disposition");
    nameless.send_body_stream(unreadable_body()).await.expect(400);
    let large = http_body_util::Full::new(Bytes::from(vec![0; MAX_ATTACHMENT_BYTES as usize + 1]));
    expecting(request(&api, &client)).send_body_stream(Body::new(large)).await.expect(413);
    assert_nothing_is_stored(&api).await;
}

#[tokio::test]
async fn a_body_without_an_announced_length_is_refused_once_it_is_too_large() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let pieces = MAX_ATTACHMENT_BYTES as usize / 1024;
    let body = |pieces| {
        Body::from_stream(stream::iter(
            bytes(1024 * pieces).chunks(1024).map(Bytes::copy_from_slice).map(std::io::Result::Ok).collect::<Vec<_>>(),
        ))
    };
    request(&api, &client).send_body_stream(body(pieces + 1)).await.expect(413);
    assert_nothing_is_stored(&api).await;
    request(&api, &client).send_body_stream(body(pieces)).await.expect(201);
}

#[tokio::test]
async fn an_upload_whose_connection_is_cut_leaves_nothing_and_is_in_the_audit_log() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let pieces = [Ok(Bytes::from(bytes(100_000))), Err(std::io::Error::other("the connection was cut"))];
    let call = request(&api, &client).idempotency_key("k");
    let response = call.send_body_stream(Body::from_stream(stream::iter(pieces))).await.expect(400);
    assert!(response.message().contains("the connection ended"), "{}", response.message());
    assert_nothing_is_stored(&api).await;
    let entries = api.entries_by_request().await;
    let entry = &entries[response.header("x-request-id")][0].entry;
    assert_eq!((entry.action.as_str(), entry.status), ("evidence_attachment.created.refused", Some(400)));
    upload(&api, &client, bytes(100_000)).idempotency_key("k").send().await.expect(201);
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_stops_arriving_is_refused_after_ten_seconds() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let first = stream::iter([std::io::Result::Ok(Bytes::from(bytes(100_000)))]);
    let began = Instant::now();
    let response = request(&api, &client).send_body_stream(Body::from_stream(first.chain(stream::pending()))).await;
    assert!(response.expect(400).message().contains("less than 10 KiB"));
    assert_eq!(began.elapsed().as_secs(), 20);
    assert_nothing_is_stored(&api).await;
}

#[tokio::test(start_paused = true)]
async fn an_upload_may_take_minutes_if_it_keeps_arriving_but_not_more_than_an_hour() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    request(&api, &client).send_body_stream(slow_body(Duration::from_millis(500), 600)).await.expect(201);
    let began = Instant::now();
    let endless = slow_body(Duration::from_millis(950), 1_000_000);
    let response = request(&api, &client).send_body_stream(endless).await.expect(400);
    assert!(response.message().contains("3600 s"), "{}", response.message());
    assert_eq!(began.elapsed().as_secs(), 3600);
}

#[tokio::test(start_paused = true)]
async fn an_upload_is_aborted_within_five_seconds_after_its_account_loses_access() {
    let api = TestApi::open().await;
    for loss in ["disabled", "without scope"] {
        let client = api.full_access_client().await;
        let call = tokio::spawn(request(&api, &client).send_body_stream(slow_body(Duration::from_millis(100), 10_000)));
        sleep(Duration::from_secs(10)).await;
        let status = match loss {
            "disabled" => {
                api.disable(&client).await;
                401
            }
            _ => {
                api.set_scopes(&client, &[Scope::EvidenceRead]).await;
                403
            }
        };
        let since = Instant::now();
        call.await.unwrap().expect(status);
        assert!(since.elapsed() < Duration::from_secs(5), "{loss}: {:?}", since.elapsed());
        assert_nothing_is_stored(&api).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_uploads_in_progress_of_an_account_are_bounded_and_hinder_no_other_organization() {
    let settings = ApiSettings { body_memory: 8 * 1024 * 1024, ..TestApi::unlimited() };
    let api = TestApi::with_settings(settings).await;
    let guest = api.fixture.create_organization("guest").await;
    let (client, other) = (api.full_access_client().await, api.client(guest, Scope::ALL).await);
    let slow = || slow_body(Duration::from_millis(100), 1000);
    let calls: Vec<_> = (0..40).map(|_| tokio::spawn(request(&api, &client).send_body_stream(slow()))).collect();
    sleep(Duration::from_secs(10)).await;
    upload(&api, &other, "x").send().await.expect(201);
    let (mut stored, mut refused) = (0, 0);
    for call in calls {
        let response = call.await.unwrap();
        match response.status {
            201 => stored += 1,
            _ => {
                refused += 1;
                assert!(response.expect(429).message().contains("memory for request bodies"));
            }
        }
    }
    assert_eq!((stored, refused), (10, 30));
}
