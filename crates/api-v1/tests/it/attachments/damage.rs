//! Stored bytes that are missing or were altered.

use evidence::EvidenceRequirementStatus;
use kernel::{FieldValue, PageRequest};
use serde_json::{Value, json};

use super::{
    bytes,
    custody::{claimed, custody},
    download, upload, uploaded,
};
use crate::{
    evidence_claims::{claim, store_requirement},
    support::{Client, TestApi},
};

async fn setup() -> (TestApi, Client, Value) {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let attachment = uploaded(&api, &client, bytes(600_000)).await;
    (api, client, attachment)
}

/// The custody events of this kind, with their attachments and causes.
async fn causes(api: &TestApi, client: &Client, claim: &Value, kind: &str) -> Vec<(Value, Value)> {
    let events = custody(api, client, claim).await;
    let events = events.into_iter().filter(|event| event["eventKind"] == kind);
    events.map(|event| (event["attachmentId"].clone(), event["cause"].clone())).collect()
}

#[tokio::test]
async fn an_upload_replaces_the_same_bytes_where_they_are_missing_or_were_altered_and_the_audit_log_says_so() {
    for damage in ["missing", "altered"] {
        let (api, client, first) = setup().await;
        let claim = claimed(&api, &client, "k", &[&first]).await;
        match damage {
            "missing" => api.contents.remove_all().await,
            _ => api.contents.alter_all().await,
        }
        let before = api.contents.names().await;
        let other = api.full_access_client().await;
        let response = upload(&api, &other, bytes(600_000)).send().await.expect(201);
        let content = api
            .fixture
            .list_all::<evidence::EvidenceContent>(api.home, &Default::default(), PageRequest::default())
            .await
            .remove(0);
        let object = content.record.object_key.unwrap().to_string();
        assert!(before.iter().all(|name| name.to_string() != object), "the key of an object is never used again");
        for attachment in [&first, &response.json()["attachment"]] {
            let downloaded = download(&api, &client, attachment).send().await.expect(200);
            assert!(downloaded.body == bytes(600_000), "{damage}");
        }
        let entries = api.entries_by_request().await;
        let entries = &entries[response.header("x-request-id")];
        let entry =
            &entries.iter().find(|entry| entry.entry.action.as_str() == "evidence_content.replaced").unwrap().entry;
        assert_eq!(entry.subject.as_ref().unwrap().id, content.meta.id.to_string());
        assert_eq!(entry.actor.id.as_deref(), Some(&*other.id()));
        let change = entry.changes.iter().find(|change| change.field == "damage").unwrap();
        assert_eq!(change.after, FieldValue::Text(damage.to_owned()));
        let replaced = causes(&api, &client, &claim, "bytes_replaced").await;
        assert_eq!(replaced, [(first["id"].clone(), json!(damage))]);
        upload(&api, &other, bytes(600_000)).send().await.expect(201);
        assert_eq!(causes(&api, &client, &claim, "bytes_replaced").await.len(), 1, "intact bytes are not replaced");
    }
}

#[tokio::test]
async fn a_file_in_a_claim_replaces_the_same_bytes_where_they_were_altered() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let first = uploaded(&api, &client, "a").await;
    api.contents.alter_all().await;
    let requirement = store_requirement(&api, EvidenceRequirementStatus::Active, "inline").await;
    let file = json!({ "fileName": "a.txt", "contentBase64": "YQ==" });
    let fields = json!({ "attachments": [file, file] });
    let made = claim(&api, &client, &requirement, "k", fields).send().await.expect(201).json()["claim"].clone();
    assert_eq!(download(&api, &client, &first).send().await.expect(200).body, "a");
    let replaced = causes(&api, &client, &made, "bytes_replaced").await;
    assert_eq!(replaced, [(made["attachments"][0]["id"].clone(), json!("altered"))]);
}

#[tokio::test]
async fn a_claim_is_not_made_with_an_attachment_whose_bytes_are_missing_until_they_are_uploaded_again() {
    let (api, client, attachment) = setup().await;
    let intact = uploaded(&api, &client, "intact").await;
    let requirement = store_requirement(&api, EvidenceRequirementStatus::Active, "bytes").await;
    api.contents.remove_all().await;
    uploaded(&api, &client, "intact").await;
    let fields = json!({ "attachmentIds": [intact["id"], attachment["id"]] });
    let request = claim(&api, &client, &requirement, "k", fields).idempotency_key("k");
    let response = request.clone().send().await.expect(422);
    let message = format!("the bytes of the attachment {} are missing", attachment["id"].as_str().unwrap());
    assert!(response.message().starts_with(&message), "{}", response.message());
    uploaded(&api, &client, bytes(600_000)).await;
    request.send().await.expect(201);
}

#[tokio::test]
async fn a_range_is_not_sent_of_bytes_that_were_altered_or_are_missing() {
    let (api, client, attachment) = setup().await;
    let range = |range: &str| download(&api, &client, &attachment).header("range", range);
    api.contents.alter_all().await;
    let response = range("bytes=0-9").send().await.expect(500);
    assert!(response.message().starts_with("the bytes of this attachment were altered"), "{}", response.message());
    uploaded(&api, &client, bytes(600_000)).await;
    assert!(range("bytes=100-109").send().await.expect(206).body == bytes(600_000)[100..110]);
    api.contents.remove_all().await;
    range("bytes=0-9").send().await.expect(500);
}

#[tokio::test(start_paused = true)]
async fn the_bytes_are_verified_for_the_first_range_and_again_after_ten_minutes() {
    let (api, client, attachment) = setup().await;
    let range = |range: &str| download(&api, &client, &attachment).header("range", range).send();
    range("bytes=0-9").await.expect(206);
    let read = api.contents.take_read_bytes();
    assert_eq!(read, 600_010);
    for _ in 0..3 {
        range("bytes=0-9").await.expect(206);
    }
    assert_eq!(api.contents.take_read_bytes(), 30);
    tokio::time::advance(std::time::Duration::from_secs(600)).await;
    range("bytes=0-9").await.expect(206);
    assert_eq!(api.contents.take_read_bytes(), 600_010);
    tokio::time::advance(std::time::Duration::from_secs(600)).await;
    download(&api, &client, &attachment).send().await.expect(200);
    range("bytes=0-9").await.expect(206);
    assert_eq!(api.contents.take_read_bytes(), 600_010, "a download of the whole file verifies it, too");
}
