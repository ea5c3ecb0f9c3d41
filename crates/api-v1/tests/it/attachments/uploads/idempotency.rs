//! Uploads with idempotency keys.

use super::super::upload;
use crate::support::TestApi;

#[tokio::test]
async fn an_upload_that_is_sent_again_with_its_key_returns_the_first_response_and_stores_nothing() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let first = upload(&api, &client, "a file").idempotency_key("k").send().await.expect(201);
    let objects = api.contents.names().await;
    api.probe.take_write_count();
    let again = upload(&api, &client, "a file").idempotency_key("k").send().await.expect(201);
    assert!(again.is_replayed());
    assert_eq!((again.body, again.headers.get("location")), (first.body.clone(), first.headers.get("location")));
    assert_eq!(api.probe.take_write_count(), 0);
    assert_eq!(api.contents.names().await, objects);
}

#[tokio::test]
async fn a_key_is_refused_for_another_file_name_type_or_reason() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    upload(&api, &client, "a file").idempotency_key("k").send().await.expect(201);
    let objects = api.contents.names().await;
    let path = super::UPLOADS;
    for (path, name, kind, bytes) in [
        (path, "report.csv", "text/csv", "another file"),
        (path, "report.csv", "text/csv", "a fil"),
        (path, "report2.csv", "text/csv", "a file"),
        (path, "report.csv", "text/plain", "a file"),
        (&format!("{path}+again"), "report.csv", "text/csv", "a file"),
    ] {
        let call = api.post(path).auth(&client).file(name, kind, bytes).idempotency_key("k");
        assert_eq!(call.send().await.expect(422).error_code(), "unprocessable", "{path} {name} {kind} {bytes}");
    }
    assert_eq!(api.contents.names().await, objects);
    // The same file name in another spelling of its header.
    let call = api.post(path).auth(&client).body("text/csv", "a file").idempotency_key("k");
    let call = call.header("content-disposition", "attachment; filename*=UTF-8''report.csv");
    assert!(call.send().await.expect(201).is_replayed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_uploads_with_one_key_have_one_attachment_and_one_object() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let calls: Vec<_> =
        (0..16).map(|_| tokio::spawn(upload(&api, &client, "a file").idempotency_key("k").send())).collect();
    let mut replays = 0;
    for call in calls {
        replays += usize::from(call.await.unwrap().expect(201).is_replayed());
    }
    assert_eq!((replays, api.contents.names().await.len()), (15, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_uploads_of_the_same_bytes_leave_one_object() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let calls: Vec<_> = (0..64).map(|_| tokio::spawn(upload(&api, &client, "a file").send())).collect();
    for call in calls {
        call.await.unwrap().expect(201);
    }
    assert_eq!(api.contents.names().await.len(), 1);
}
