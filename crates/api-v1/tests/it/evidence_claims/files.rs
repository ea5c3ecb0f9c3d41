use futures_util::future::join_all;
use kernel::Id;
use serde_json::{Value, json};

use super::{CLAIMS, claim, inline, setup};
use crate::support::{Client, ContentFault, TestApi};

const UPLOADS: &str = "/api/v1/governance/evidence/attachments?reason=Report+of+the+nightly+backup";

async fn uploaded(api: &TestApi, client: &Client, bytes: &str) -> Value {
    let request = api.post(UPLOADS).auth(client).file("report.csv", "text/csv", bytes.as_bytes());
    request.send().await.expect(201).json()["attachment"].clone()
}

async fn download(api: &TestApi, client: &Client, attachment: &Value) -> Vec<u8> {
    let id = attachment["id"].as_str().unwrap();
    let path = format!("/api/v1/governance/evidence/attachments/{id}/content");
    api.get(&path).auth(client).send().await.expect(200).body.to_vec()
}

#[tokio::test]
async fn uploaded_files_are_attached_in_the_order_of_the_request() {
    let (api, client, requirement) = setup().await;
    let (one, two) = (uploaded(&api, &client, "one").await, uploaded(&api, &client, "two").await);
    let fields = json!({ "attachmentIds": [two["id"], one["id"]] });
    let claim = claim(&api, &client, &requirement, "k", fields).send().await.expect(201).json()["claim"].clone();
    assert_eq!(claim["attachments"], json!([two, one]));
    assert_eq!(download(&api, &client, &claim["attachments"][1]).await, b"one");
}

#[tokio::test]
async fn files_in_the_request_are_attached_and_equal_ones_have_equal_bytes() {
    let (api, client, requirement) = setup().await;
    let uploaded = uploaded(&api, &client, "a").await;
    let files = json!([inline("a.txt", "YQ=="), inline("b.txt", "Yg=="), inline("again.txt", "YQ==")]);
    let response = claim(&api, &client, &requirement, "k", json!({ "attachments": files })).send().await.expect(201);
    let claim = response.json()["claim"].clone();
    let attachments = claim["attachments"].as_array().unwrap();
    let names: Vec<_> = attachments.iter().map(|file| file["fileName"].as_str().unwrap()).collect();
    assert_eq!(names, ["a.txt", "b.txt", "again.txt"]);
    assert_eq!(attachments[0]["sha256"], uploaded["sha256"]);
    assert_eq!((&attachments[0]["size"], &attachments[0]["contentType"]), (&json!(1), &json!("text/plain")));
    for (attachment, expected) in attachments.iter().zip(["a", "b", "a"]) {
        assert_eq!(download(&api, &client, attachment).await, expected.as_bytes());
    }
}

#[tokio::test]
async fn files_of_a_claim_that_is_refused_leave_nothing_in_the_store_of_attachments() {
    let (api, client, requirement) = setup().await;
    claim(&api, &client, &requirement, "k", json!({})).send().await.expect(201);
    let before = api.contents.names().await;
    let fields = json!({ "attachments": [inline("a.txt", "YQ==")] });
    claim(&api, &client, &requirement, "k", fields.clone()).send().await.expect(409);
    assert_eq!(api.contents.names().await, before);
    claim(&api, &client, &requirement, "k2", fields).send().await.expect(201);
    assert_eq!(api.contents.names().await.len(), before.len() + 1);
}

#[tokio::test]
async fn attachments_that_are_absent_or_uploaded_by_another_account_are_refused_alike() {
    let (api, client, requirement) = setup().await;
    let other = api.full_access_client().await;
    let of_another = uploaded(&api, &other, "x").await;
    let absent: Id<evidence::EvidenceAttachment> = api.fixture.new_id();
    let own = uploaded(&api, &client, "own").await;
    let fields = json!({ "attachmentIds": [own["id"], of_another["id"], absent.to_string()] });
    let response = claim(&api, &client, &requirement, "k", fields).send().await.expect(400);
    assert_eq!(response.issue_paths(), ["attachmentIds.1", "attachmentIds.2"]);
    assert_eq!(response.issue_message("attachmentIds.1"), response.issue_message("attachmentIds.2"));
    let fields = json!({ "attachmentIds": [own["id"]] });
    claim(&api, &client, &requirement, "k", fields).send().await.expect(201);
}

#[tokio::test]
async fn an_attachment_is_linked_only_once() {
    let (api, client, requirement) = setup().await;
    let attachment = uploaded(&api, &client, "x").await;
    let fields = json!({ "attachmentIds": [attachment["id"]] });
    claim(&api, &client, &requirement, "k", fields.clone()).send().await.expect(201);
    let response = claim(&api, &client, &requirement, "k2", fields).send().await.expect(422);
    assert!(response.message().contains("upload the file again"), "{}", response.message());
    let again = uploaded(&api, &client, "x").await;
    let fields = json!({ "attachmentIds": [again["id"]] });
    claim(&api, &client, &requirement, "k2", fields).send().await.expect(201);
}

#[tokio::test]
async fn invalid_lists_of_files_are_refused_with_the_position_of_each_fault() {
    let (api, client, requirement) = setup().await;
    let ids = |count: u128| -> Vec<String> {
        (0..count).map(|number| Id::<evidence::EvidenceAttachment>::new(kernel::Ulid(number)).to_string()).collect()
    };
    let twice = [ids(1), ids(1)].concat();
    for (fields, paths) in [
        (json!({ "attachmentIds": ids(51) }), vec!["attachmentIds"]),
        (json!({ "attachmentIds": "evatt_1" }), vec!["attachmentIds"]),
        (json!({ "attachmentIds": twice }), vec!["attachmentIds.1"]),
        (json!({ "attachments": vec![inline("a", "YQ=="); 51] }), vec!["attachments"]),
        (json!({ "attachments": [inline("a", "YQ==")], "attachmentIds": ids(1) }), vec!["attachments"]),
        (json!({ "attachments": [inline("a", "YQ=="), "b"] }), vec!["attachments.1"]),
        (json!({ "attachments": [inline("a/b", "YQ==")] }), vec!["attachments.0.fileName"]),
        (json!({ "attachments": [inline("a", "")] }), vec!["attachments.0.contentBase64"]),
        (json!({ "attachments": [inline("a", "YQ")] }), vec!["attachments.0.contentBase64"]),
        (json!({ "attachments": [inline("a", "Y Q=")] }), vec!["attachments.0.contentBase64"]),
        (json!({ "attachments": [inline("a", "_-==")] }), vec!["attachments.0.contentBase64"]),
        (
            json!({ "attachments": [{ "fileName": "a", "contentType": "text", "content": 1 }] }),
            vec!["attachments.0.contentBase64", "attachments.0.contentType", "attachments.0.content"],
        ),
    ] {
        let response = claim(&api, &client, &requirement, "k", fields.clone()).send().await.expect(400);
        let mut found = response.issue_paths();
        found.sort_unstable();
        let mut expected = paths;
        expected.sort_unstable();
        assert_eq!(found, expected, "{fields}");
    }
    assert_eq!(api.contents.names().await.len(), 0);
}

#[tokio::test]
async fn a_repeated_request_makes_one_claim_and_stores_its_files_once() {
    let (api, client, requirement) = setup().await;
    let fields = json!({ "attachments": [inline("a.txt", "YQ==")] });
    let request = claim(&api, &client, &requirement, "k", fields).header("idempotency-key", "once");
    let first = request.clone().send().await.expect(201);
    let second = request.send().await.expect(201);
    assert_eq!(first.json(), second.json());
    assert_eq!(second.header("idempotent-replayed"), "true");
    assert_eq!(api.contents.names().await.len(), 1);
}

#[tokio::test]
async fn a_claim_whose_files_cannot_be_stored_is_not_made_and_its_key_stays_free() {
    let (api, client, requirement) = setup().await;
    let fields = json!({ "attachments": [inline("a.txt", "YQ=="), inline("b.txt", "Yg==")] });
    let request = claim(&api, &client, &requirement, "k", fields).header("idempotency-key", "later");
    for fault in [ContentFault::Unavailable, ContentFault::Full] {
        api.contents.set_fault(fault);
        request.clone().send().await.expect(503);
        api.contents.set_fault(None);
        assert_eq!(api.contents.names().await.len(), 0, "{fault:?}");
    }
    assert_eq!(api.get(CLAIMS).auth(&client).send().await.expect(200).json()["claims"], json!([]));
    let made = request.send().await.expect(201).json()["claim"].clone();
    assert_eq!(made["attachments"].as_array().unwrap().len(), 2);
    assert_eq!(api.contents.names().await.len(), 2);
}

#[tokio::test]
async fn concurrent_claims_with_the_same_bytes_are_all_made_and_leave_one_object() {
    let (api, client, requirement) = setup().await;
    let requests = (0..8).map(|number| {
        let fields = json!({ "attachments": [inline("a.txt", "YQ=="), inline("b.txt", "Yg==")] });
        claim(&api, &client, &requirement, &format!("k{number}"), fields).send()
    });
    for response in join_all(requests).await {
        let claim = response.expect(201).json()["claim"].clone();
        for (attachment, bytes) in claim["attachments"].as_array().unwrap().iter().zip(["a", "b"]) {
            assert_eq!(download(&api, &client, attachment).await, bytes.as_bytes());
        }
    }
    assert_eq!(api.contents.names().await.len(), 2);
}

#[tokio::test]
async fn one_of_two_concurrent_claims_gets_an_attachment() {
    let (api, client, requirement) = setup().await;
    let attachment = uploaded(&api, &client, "x").await;
    let fields = json!({ "attachmentIds": [attachment["id"]] });
    let requests = ["k1", "k2"].map(|key| claim(&api, &client, &requirement, key, fields.clone()).send());
    let mut statuses: Vec<u16> = join_all(requests).await.iter().map(|response| response.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 422]);
}
