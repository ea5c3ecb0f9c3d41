//! Downloads.

use std::time::Duration;

use axum::body::Body;
use evidence::{AttachmentStatus, EvidenceAttachment};
use http_api::ApiSettings;
use http_body_util::BodyExt;
use serde_json::Value;

use super::{bytes, download, uploaded};
use crate::support::{Client, ContentFault, TestApi, TestResponse, pass_time};

async fn setup(length: usize) -> (TestApi, Client, Value) {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let attachment = uploaded(&api, &client, bytes(length)).await;
    (api, client, attachment)
}

/// Reads the rest of a body. Returns it, and whether it ended regularly.
async fn read_to_end(mut body: Body) -> (Vec<u8>, bool) {
    let mut read = Vec::new();
    loop {
        match body.frame().await {
            Some(Ok(frame)) => read.extend_from_slice(frame.data_ref().unwrap()),
            Some(Err(_)) => return (read, false),
            None => return (read, true),
        }
    }
}

fn entity_headers(response: &TestResponse) -> Vec<(&str, &str)> {
    let names =
        ["content-type", "content-disposition", "content-security-policy", "repr-digest", "etag", "accept-ranges"];
    names.into_iter().map(|name| (name, response.header(name))).collect()
}

#[tokio::test]
async fn a_file_is_downloaded_as_it_was_uploaded_with_its_hash_and_is_never_compressed() {
    let (api, client, attachment) = setup(1_000_000).await;
    let response = download(&api, &client, &attachment).header("accept-encoding", "gzip, br, zstd").send().await;
    let response = response.expect(200);
    assert!(response.body == bytes(1_000_000), "other bytes");
    let digest = response.header("repr-digest").to_owned();
    assert!(digest.starts_with("sha-256=:") && response.header("content-digest") == digest, "{digest}");
    assert_eq!(
        entity_headers(&response),
        [
            ("content-type", "text/csv"),
            ("content-disposition", "attachment; filename=\"report.csv\""),
            ("content-security-policy", "default-src 'none'; sandbox"),
            ("repr-digest", digest.as_str()),
            ("etag", format!("\"{}\"", attachment["sha256"].as_str().unwrap()).as_str()),
            ("accept-ranges", "bytes"),
        ]
    );
    assert_eq!((response.header("content-length"), response.header("content-encoding")), ("1000000", ""));
    assert_eq!(response.header("x-content-type-options"), "nosniff");
    let entries = api.entries_by_request().await;
    let entry = &entries[response.header("x-request-id")][0].entry;
    assert_eq!(entry.action.as_str(), "evidence_attachment.downloaded");
    assert_eq!(entry.subject.as_ref().unwrap().id, attachment["id"].as_str().unwrap());
}

#[tokio::test]
async fn one_range_is_answered_with_206_and_anything_else_with_the_whole_file() {
    let (api, client, attachment) = setup(600_000).await;
    let whole = bytes(600_000);
    let full = download(&api, &client, &attachment).send().await.expect(200);
    for (range, part) in [
        ("bytes=0-0", 0..1),
        ("bytes=100-300099", 100..300_100),
        ("bytes=599999-", 599_999..600_000),
        ("bytes=-5", 599_995..600_000),
        ("bytes=0-9999999", 0..600_000),
    ] {
        let response = download(&api, &client, &attachment).header("range", range).send().await.expect(206);
        assert!(response.body == whole[part.clone()], "{range}");
        let content_range = format!("bytes {}-{}/600000", part.start, part.end - 1);
        assert_eq!(response.header("content-range"), content_range);
        assert_eq!(response.header("content-length"), part.len().to_string());
        assert_eq!(entity_headers(&response), entity_headers(&full));
        assert_eq!(response.header("content-digest"), "");
    }
    for range in ["bytes=0-1,5-6", "bytes=5-1", "lines=1-2", "nonsense"] {
        let response = download(&api, &client, &attachment).header("range", range).send().await.expect(200);
        assert_eq!(response.body.len(), 600_000, "{range}");
    }
    for range in ["bytes=600000-", "bytes=-0"] {
        let response = download(&api, &client, &attachment).header("range", range).send().await.expect(416);
        assert_eq!(response.error_code(), "range_not_satisfiable");
        assert_eq!(response.header("content-range"), "bytes */600000");
    }
    let tag = full.header("etag");
    for (if_range, status) in [(tag.to_owned(), 206), (format!("W/{tag}"), 200), ("\"x\"".to_owned(), 200)] {
        let call = download(&api, &client, &attachment).header("range", "bytes=1-2").header("if-range", &if_range);
        call.send().await.expect(status);
    }
}

#[tokio::test]
async fn a_head_request_is_answered_as_the_download_would_be_and_reads_nothing() {
    let (api, client, attachment) = setup(600_000).await;
    let path = format!("/api/v1/governance/evidence/attachments/{}/content", attachment["id"].as_str().unwrap());
    let head = api.request("HEAD", &path).auth(&client).header("range", "bytes=1-2").send().await.expect(200);
    let get = download(&api, &client, &attachment).send().await.expect(200);
    assert_eq!(entity_headers(&head), entity_headers(&get));
    assert_eq!(head.header("content-length"), "600000");
    api.contents.remove_all().await;
    api.request("HEAD", &path).auth(&client).send().await.expect(500);
}

#[tokio::test]
async fn altered_bytes_are_never_sent_as_a_whole() {
    let (api, client, attachment) = setup(600_000).await;
    api.contents.set_fault(ContentFault::Altered);
    let body = download(&api, &client, &attachment).send_for_body(200).await;
    let (read, is_complete) = read_to_end(body).await;
    assert!(!is_complete && read.len() < 600_000, "{} bytes", read.len());
}

#[tokio::test]
async fn missing_bytes_are_a_500_and_an_unavailable_store_a_503_that_say_so() {
    let (api, client, attachment) = setup(10).await;
    api.contents.set_fault(ContentFault::Unavailable);
    let response = download(&api, &client, &attachment).send().await.expect(503);
    assert_eq!(response.message(), "the store of attachments is not available: try again");
    api.contents.set_fault(None);
    api.contents.remove_all().await;
    let response = download(&api, &client, &attachment).send().await.expect(500);
    assert!(response.message().starts_with("the bytes of this attachment are missing"), "{}", response.message());
    assert!(!response.message().contains("org_"), "{}", response.message());
}

#[tokio::test]
async fn a_file_that_was_removed_because_nobody_linked_it_is_not_found() {
    let (api, client, attachment) = setup(10).await;
    let id = attachment["id"].as_str().unwrap().parse().unwrap();
    let stored = api.fixture.get::<EvidenceAttachment>(api.home, id).await.unwrap();
    let removed = EvidenceAttachment { status: AttachmentStatus::Removed, ..stored.record.clone() };
    api.fixture.update(&stored, removed).await;
    let response = download(&api, &client, &attachment).send().await.expect(404);
    assert_eq!(response.error_code(), "not_found");
}

#[tokio::test(start_paused = true)]
async fn a_download_is_aborted_when_its_client_reads_nothing_or_its_account_loses_access() {
    let (api, client, attachment) = setup(3_000_000).await;
    for loss in ["stalled", "disabled"] {
        let client = if loss == "stalled" { client.clone() } else { api.full_access_client().await };
        let body = download(&api, &client, &attachment).send_for_body(200).await;
        if loss == "disabled" {
            pass_time(Duration::from_secs(3)).await;
            api.disable(&client).await;
            pass_time(Duration::from_secs(5)).await;
        } else {
            pass_time(Duration::from_secs(31)).await;
        }
        let (read, is_complete) = read_to_end(body).await;
        assert!(!is_complete && read.len() < 3_000_000, "{loss}: {} bytes", read.len());
    }
}

#[tokio::test(start_paused = true)]
async fn unread_downloads_are_bounded_by_the_share_of_their_account_and_hinder_none_of_its_other_requests() {
    let settings = ApiSettings { download_memory: 48 * 1024 * 1024, ..TestApi::unlimited() };
    let api = TestApi::with_settings(ApiSettings { response_memory: 8 * 1024 * 1024, ..settings }).await;
    let (client, other) = (api.full_access_client().await, api.full_access_client().await);
    let attachment = uploaded(&api, &client, bytes(3_000_000)).await;
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(download(&api, &client, &attachment).send_for_body(200).await);
    }
    let refused = download(&api, &client, &attachment).send().await.expect(429);
    assert!(refused.message().contains("memory for downloads"), "{}", refused.message());
    assert_eq!(download(&api, &other, &attachment).send().await.expect(200).body.len(), 3_000_000);
    api.get("/api/v1/governance/evidence/claims?limit=1").auth(&client).send().await.expect(200);
    open.clear();
    download(&api, &client, &attachment).send().await.expect(200);
}
