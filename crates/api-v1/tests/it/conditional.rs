//! Entity tags, conditional requests and compression.

use scopes::Scope;
use serde_json::json;

use crate::{
    operations::{PathParams, scoped_operations},
    support::{Client, TestApi, findings_path},
};

async fn setup() -> (TestApi, Client, String) {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let path = format!("{}/{}", findings_path(), api.create_finding(&client, "k").await);
    (api, client, path)
}

fn severity_patch(severity: &str) -> serde_json::Value {
    json!({ "severity": severity, "reason": "because of a test" })
}

#[tokio::test]
async fn every_get_of_a_single_record_has_an_etag_and_returns_304_for_a_matching_if_none_match() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let params = PathParams::create_records(&api, &client).await;
    let singles = scoped_operations().filter(|operation| operation.definition["responses"].get("304").is_some());
    let mut seen = 0;
    for operation in singles {
        seen += 1;
        let path = params.path(operation);
        let tag = api.get(&path).auth(&client).send().await.expect(200).header("etag").to_owned();
        assert!(operation.responds_with_bytes() || tag == "\"r1\"", "{}", operation.id);
        for if_none_match in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
            let response =
                api.get(&path).auth(&client).header("if-none-match", &if_none_match).send().await.expect(304);
            assert_eq!(response.header("etag"), tag);
            assert!(response.headers.contains_key("x-ratelimit-limit"));
        }
        for if_none_match in ["\"r2\"", "r1", "\"\"", "\"r1", "nonsense"] {
            api.get(&path).auth(&client).header("if-none-match", if_none_match).send().await.expect(200);
        }
    }
    assert!(seen >= 3);
}

#[tokio::test]
async fn an_etag_names_the_revision_and_a_stale_if_match_is_rejected_with_412_and_changes_nothing() {
    let (api, client, path) = setup().await;
    let patch = async |tag: &str, severity: &str| {
        api.patch(&path).auth(&client).header("if-match", tag).json(&severity_patch(severity)).send().await
    };
    let response = patch("\"r1\"", "low").await.expect(200);
    assert_eq!(response.header("etag"), "\"r2\"");
    assert_eq!(patch("\"r1\"", "info").await.expect(412).error_code(), "precondition_failed");
    patch("\"x\"", "info").await.expect(412);
    patch("W/\"r2\"", "medium").await.expect(200);
    patch("\"r1\", \"r3\"", "info").await.expect(200);
    patch("*", "critical").await.expect(200);
    let now = api.get(&path).auth(&client).send().await;
    assert_eq!((now.header("etag"), now.json()["finding"]["severity"].as_str()), ("\"r5\"", Some("critical")));
    api.get(&path).auth(&client).header("if-none-match", "\"r4\"").send().await.expect(200);
}

#[tokio::test]
async fn a_malformed_if_match_is_rejected_with_400_rather_than_412() {
    let (api, client, path) = setup().await;
    for tag in ["r1", "", "\"r1", "\"r1\", r2", "W/r1"] {
        let call = api.patch(&path).auth(&client).header("if-match", tag).json(&severity_patch("low"));
        call.send().await.expect(400).issue_message("header.If-Match");
    }
}

#[tokio::test]
async fn a_patch_that_changes_nothing_keeps_the_revision() {
    let (api, client, path) = setup().await;
    let response = api.patch(&path).auth(&client).json(&severity_patch("high")).send().await.expect(200);
    assert_eq!(response.header("etag"), "\"r1\"");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_eight_concurrent_patches_of_the_same_revision_succeeds() {
    let (api, client, path) = setup().await;
    let call = api.patch(&path).auth(&client).header("if-match", "\"r1\"");
    let calls: Vec<_> = (0..8)
        .map(|number| {
            let body = json!({ "title": format!("Title {number}"), "reason": "because of a test" });
            tokio::spawn(call.clone().json(&body).send())
        })
        .collect();
    let mut statuses = Vec::new();
    for call in calls {
        statuses.push(call.await.unwrap().status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412, 412, 412, 412, 412, 412]);
}

#[tokio::test]
async fn reporting_an_event_honours_if_match() {
    let (api, client, path) = setup().await;
    let body = json!({ "eventType": "comment", "reason": "because of a test" });
    let call = api.post(&format!("{path}/events")).auth(&client).json(&body);
    call.clone().header("if-match", "\"r2\"").send().await.expect(412);
    call.header("if-match", "\"r1\"").send().await.expect(201);
}

#[tokio::test]
async fn responses_above_one_kibibyte_are_compressed_as_requested_and_decompress_to_the_same_body() {
    let (api, client, path) = setup().await;
    let long = json!({ "description": "long ".repeat(1000), "reason": "because of a test" });
    api.patch(&path).auth(&client).json(&long).send().await.expect(200);
    let plain = api.get(&path).auth(&client).send().await.expect(200);
    for encoding in ["gzip", "br", "zstd"] {
        let call = api.get(&path).auth(&client).header("accept-encoding", encoding);
        let compressed = call.clone().send().await.expect(200);
        assert_eq!(compressed.header("content-encoding"), encoding);
        assert_eq!(compressed.header("etag"), "W/\"r2\"", "a compressed response has a weak etag");
        assert!(compressed.body.len() < plain.body.len() / 5);
        assert_eq!(call.send_and_decompress().await.body, plain.body, "{encoding}");
        let tag = compressed.header("etag").to_owned();
        api.get(&path).auth(&client).header("if-none-match", &tag).send().await.expect(304);
        api.patch(&path).auth(&client).header("if-match", &tag).json(&severity_patch("high")).send().await.expect(200);
    }
    let uncompressed = api.get(&path).auth(&client).header("accept-encoding", "gzip;q=0").send().await;
    assert_eq!(uncompressed.header("content-encoding"), "");
}

#[tokio::test]
async fn small_responses_are_not_compressed_and_have_a_strong_etag() {
    let (api, client, path) = setup().await;
    let response = api.get(&path).auth(&client).header("accept-encoding", "gzip, br, zstd").send().await.expect(200);
    assert!(response.body.len() < 1024);
    assert_eq!((response.header("content-encoding"), response.header("etag")), ("", "\"r1\""));
}

#[tokio::test]
async fn an_account_without_the_read_scope_gets_no_etag() {
    let (api, _, path) = setup().await;
    let unprivileged = api.client(api.home, &[Scope::FindingsWrite]).await;
    let response = api.get(&path).auth(&unprivileged).header("if-none-match", "*").send().await.expect(403);
    assert_eq!(response.header("etag"), "");
}
