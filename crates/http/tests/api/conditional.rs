//! Entity tags, conditional requests and compression.

use scopes::Scope;
use serde_json::json;

use crate::{
    operations::{Places, scoped},
    support::{Client, House, findings_path},
};

async fn house() -> (House, Client, String) {
    let api = House::open().await;
    let client = api.everyone().await;
    let path = format!("{}/{}", findings_path(), api.finding(&client, "k").await);
    (api, client, path)
}

fn change(severity: &str) -> serde_json::Value {
    json!({ "severity": severity, "reason": "because of a test" })
}

#[tokio::test]
async fn every_single_get_has_a_tag_and_answers_304_to_who_has_that_revision() {
    let api = House::open().await;
    let client = api.everyone().await;
    let params = Places::in_house(&api, &client).await;
    let singles = scoped().filter(|operation| operation.described["responses"].get("304").is_some());
    let mut seen = 0;
    for operation in singles {
        seen += 1;
        let path = params.path(operation);
        let tag = api.get(&path).by(&client).send().await.expect(200).header("etag").to_owned();
        assert_eq!(tag, "\"r1\"", "{}", operation.id);
        for if_none_match in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
            let response = api.get(&path).by(&client).header("if-none-match", &if_none_match).send().await.expect(304);
            assert_eq!(response.header("etag"), tag);
            assert!(response.headers.contains_key("x-ratelimit-limit"));
        }
        for if_none_match in ["\"r2\"", "r1", "\"\"", "\"r1", "nonsense"] {
            api.get(&path).by(&client).header("if-none-match", if_none_match).send().await.expect(200);
        }
    }
    assert!(seen >= 3);
}

#[tokio::test]
async fn a_tag_names_the_revision_and_a_stale_if_match_is_412_and_changes_nothing() {
    let (api, client, path) = house().await;
    let patch = async |tag: &str, severity: &str| {
        api.patch(&path).by(&client).header("if-match", tag).json(&change(severity)).send().await
    };
    let response = patch("\"r1\"", "low").await.expect(200);
    assert_eq!(response.header("etag"), "\"r2\"");
    assert_eq!(patch("\"r1\"", "info").await.expect(412).error(), "precondition_failed");
    patch("\"x\"", "info").await.expect(412);
    patch("W/\"r2\"", "medium").await.expect(200);
    patch("\"r1\", \"r3\"", "info").await.expect(200);
    patch("*", "critical").await.expect(200);
    let now = api.get(&path).by(&client).send().await;
    assert_eq!((now.header("etag"), now.json()["finding"]["severity"].as_str()), ("\"r5\"", Some("critical")));
    api.get(&path).by(&client).header("if-none-match", "\"r4\"").send().await.expect(200);
}

#[tokio::test]
async fn an_if_match_that_can_name_no_revision_is_a_fault_of_the_request_and_no_stale_record() {
    let (api, client, path) = house().await;
    for tag in ["r1", "", "\"r1", "\"r1\", r2", "W/r1"] {
        let call = api.patch(&path).by(&client).header("if-match", tag).json(&change("low"));
        call.send().await.expect(400).issue("header.If-Match");
    }
}

#[tokio::test]
async fn a_change_that_changes_nothing_keeps_the_revision() {
    let (api, client, path) = house().await;
    let response = api.patch(&path).by(&client).json(&change("high")).send().await.expect(200);
    assert_eq!(response.header("etag"), "\"r1\"");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_change_the_same_revision_one_succeeds() {
    let (api, client, path) = house().await;
    let call = api.patch(&path).by(&client).header("if-match", "\"r1\"");
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
async fn an_event_takes_if_match_too() {
    let (api, client, path) = house().await;
    let body = json!({ "eventType": "comment", "reason": "because of a test" });
    let call = api.post(&format!("{path}/events")).by(&client).json(&body);
    call.clone().header("if-match", "\"r2\"").send().await.expect(412);
    call.header("if-match", "\"r1\"").send().await.expect(201);
}

#[tokio::test]
async fn answers_above_a_kibibyte_are_compressed_as_asked_and_unpack_to_the_same() {
    let (api, client, path) = house().await;
    let long = json!({ "description": "long ".repeat(1000), "reason": "because of a test" });
    api.patch(&path).by(&client).json(&long).send().await.expect(200);
    let plain = api.get(&path).by(&client).send().await.expect(200);
    for encoding in ["gzip", "br", "zstd"] {
        let call = api.get(&path).by(&client).header("accept-encoding", encoding);
        let compressed = call.clone().send().await.expect(200);
        assert_eq!(compressed.header("content-encoding"), encoding);
        assert_eq!(compressed.header("etag"), "W/\"r2\"", "a compressed response has a weak etag");
        assert!(compressed.body.len() < plain.body.len() / 5);
        assert_eq!(call.send_and_unpack().await.body, plain.body, "{encoding}");
        let tag = compressed.header("etag").to_owned();
        api.get(&path).by(&client).header("if-none-match", &tag).send().await.expect(304);
        api.patch(&path).by(&client).header("if-match", &tag).json(&change("high")).send().await.expect(200);
    }
    let uncompressed = api.get(&path).by(&client).header("accept-encoding", "gzip;q=0").send().await;
    assert_eq!(uncompressed.header("content-encoding"), "");
}

#[tokio::test]
async fn small_answers_are_not_compressed_and_have_a_strong_tag() {
    let (api, client, path) = house().await;
    let response = api.get(&path).by(&client).header("accept-encoding", "gzip, br, zstd").send().await.expect(200);
    assert!(response.body.len() < 1024);
    assert_eq!((response.header("content-encoding"), response.header("etag")), ("", "\"r1\""));
}

#[tokio::test]
async fn who_may_not_read_learns_no_tag() {
    let (api, _, path) = house().await;
    let unprivileged = api.client(api.home, &[Scope::FindingsWrite]).await;
    let response = api.get(&path).by(&unprivileged).header("if-none-match", "*").send().await.expect(403);
    assert_eq!(response.header("etag"), "");
}
