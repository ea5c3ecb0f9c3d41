//! The memory of responses that clients do not read, and the size of pages.

use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use findings::Finding;
use http_api::ApiSettings;
use kernel::{Description, MAX_PAGE_BYTES};
use scopes::Scope;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{Client, TestApi, TestRequest, finding_body, findings_path};

/// The size of the largest description that consists of ASCII characters.
const DESCRIPTION: usize = 20_000;

fn with_long_description(finding: Finding) -> Finding {
    Finding { description: Description::trusted(&"x".repeat(DESCRIPTION)), ..finding }
}

/// An API whose accounts have memory for two pages each, with as many large findings.
async fn setup(findings: usize) -> (TestApi, Client) {
    let settings = ApiSettings { response_memory: 20 * MAX_PAGE_BYTES, ..TestApi::unlimited() };
    let api = TestApi::with_settings(settings).await;
    let client = api.full_access_client().await;
    for number in 0..findings {
        api.store_finding(&format!("k{number}"), with_long_description).await;
    }
    (api, client)
}

/// Sends the request until it is rejected, and returns the bodies of the responses unread, and the rejection's wait.
async fn send_until_rejected(request: &TestRequest) -> (Vec<Body>, Duration) {
    let mut unread = Vec::new();
    loop {
        let began = Instant::now();
        let response = request.clone().send_unread().await;
        match response.status().as_u16() {
            429 => {
                assert!(response.headers().contains_key("retry-after"));
                return (unread, began.elapsed());
            }
            status => assert!(status < 300, "{status}"),
        }
        unread.push(response.into_body());
        assert!(unread.len() < 1000, "any number of responses can be unread");
    }
}

#[tokio::test(start_paused = true)]
async fn unread_responses_of_every_kind_are_bounded_by_the_share_of_their_account() {
    let (api, client) = setup(40).await;
    let batch = {
        let findings: Vec<Value> = (0..500).map(|number| finding_body(&format!("b{number}"))).collect();
        json!({ "reason": "because of a test", "findings": findings })
    };
    let batch = api.post(&format!("{}/batch", findings_path())).auth(&client).json(&batch).idempotency_key("k");
    batch.clone().send().await.expect(200);
    let id = api.create_finding(&client, "one").await;
    let paths = [
        format!("{}?limit=200", findings_path()),
        format!("{}/{id}", findings_path()),
        format!("{}/{id}/events", findings_path()),
        "/api/v1/audit/entries?limit=200".to_owned(),
        "/api/v1/webhooks/event-types".to_owned(),
        "/api/v1/openapi.json".to_owned(),
    ];
    let mut requests: Vec<_> = paths.iter().map(|path| api.get(path).auth(&client)).collect();
    requests.push(batch);
    for request in requests {
        for request in [request.clone(), request.header("accept-encoding", "gzip")] {
            let (unread, waited) = send_until_rejected(&request).await;
            // A replay that exceeds what was reserved for it is rejected at once, since it is in memory already.
            assert!(waited.is_zero() || waited == Duration::from_secs(5), "{waited:?}");
            let bytes: usize = unread.iter().map(|body| body.size_hint().exact().unwrap() as usize).sum();
            assert!(bytes <= 3 * MAX_PAGE_BYTES, "{bytes} bytes");
            let other = api.full_access_client().await;
            api.get(&format!("{}?limit=200", findings_path())).auth(&other).send().await.expect(200);
            drop(unread);
            request.send().await;
        }
    }
}

#[tokio::test]
async fn a_request_waits_for_the_memory_of_its_response_until_an_earlier_one_is_read() {
    let (api, client) = setup(40).await;
    let list = api.get(&format!("{}?limit=200", findings_path())).auth(&client);
    let mut unread = vec![list.clone().send_for_body(200).await];
    unread.push(list.clone().send_for_body(200).await);
    let waiting = tokio::spawn(list.clone().send());
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    let read = http_body_util::BodyExt::collect(unread.remove(0)).await.unwrap();
    drop(read);
    waiting.await.unwrap().expect(200);
}

/// Reads all pages of a list and asserts the size of each. Returns the records.
async fn read_pages(api: &TestApi, client: &Client, path: &str, plural: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let response = api.get(&format!("{path}{cursor}")).auth(client).send().await.expect(200);
        assert!(response.body.len() < MAX_PAGE_BYTES + 3 * DESCRIPTION, "{} bytes", response.body.len());
        let page = response.json();
        assert!(!page[plural].as_array().unwrap().is_empty());
        all.extend(page[plural].as_array().unwrap().clone());
        let Some(next) = page["pagination"]["nextCursor"].as_str() else { return all };
        assert!(response.body.len() >= MAX_PAGE_BYTES, "a page ends early with {} bytes", response.body.len());
        cursor = format!("&cursor={next}");
    }
}

#[tokio::test]
async fn a_page_ends_at_its_maximum_size_and_the_next_one_continues_after_its_last_record() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let mut ids = Vec::new();
    for number in 0..60 {
        ids.push(api.store_finding(&format!("k{number}"), with_long_description).await.to_string());
        api.clock().tick();
    }
    for (order, reversed) in [("", true), ("&order=updated&updated_since=2020-01-01", false)] {
        let path = format!("{}?limit=200{order}", findings_path());
        let listed: Vec<String> = read_pages(&api, &client, &path, "findings")
            .await
            .iter()
            .map(|finding| finding["id"].as_str().unwrap().to_owned())
            .collect();
        let expected: Vec<String> = if reversed { ids.iter().rev().cloned().collect() } else { ids.clone() };
        assert_eq!(listed, expected, "{order}");
    }
}

#[tokio::test]
async fn a_page_of_the_audit_log_ends_at_its_maximum_size_too() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let id = api.create_finding(&client, "k").await;
    for number in 0..30 {
        let body = json!({ "description": number.to_string().repeat(DESCRIPTION / 2), "reason": "because of a test" });
        api.patch(&format!("{}/{id}", findings_path())).auth(&client).json(&body).send().await.expect(200);
    }
    let reader = api.client(api.home, &[Scope::AuditRead]).await;
    for order in ["", "&order=updated&updated_since=2020-01-01"] {
        let path = format!("/api/v1/audit/entries?limit=200&action=finding.updated{order}");
        let entries = read_pages(&api, &reader, &path, "entries").await;
        let distinct: std::collections::BTreeSet<&str> =
            entries.iter().filter_map(|entry| entry["id"].as_str()).collect();
        assert_eq!((entries.len(), distinct.len()), (30, 30));
    }
}
