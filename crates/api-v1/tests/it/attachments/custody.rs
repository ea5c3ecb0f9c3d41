//! The chain of custody of a claim.

use std::time::Duration;

use evidence::EvidenceRequirementStatus;
use scopes::Scope;
use serde_json::{Value, json};

use super::{download, uploaded};
use crate::{
    evidence_claims::{claim, store_requirement},
    support::{Client, TestApi},
};

const CLAIMS: &str = "/api/v1/governance/evidence/claims";

/// Makes a claim with these files, and returns it.
pub(crate) async fn claimed(api: &TestApi, client: &Client, key: &str, files: &[&Value]) -> Value {
    let requirement = store_requirement(api, EvidenceRequirementStatus::Active, key).await;
    let files: Vec<_> = files.iter().map(|file| file["id"].clone()).collect();
    let claim = claim(api, client, &requirement, key, json!({ "attachmentIds": files }));
    claim.send().await.expect(201).json()["claim"].clone()
}

fn path(claim: &Value) -> String {
    format!("{CLAIMS}/{}/custody", claim["id"].as_str().unwrap())
}

/// The custody events of a claim, the oldest first.
pub(super) async fn custody(api: &TestApi, client: &Client, claim: &Value) -> Vec<Value> {
    let response = api
        .get(&format!("{}?order=updated&updatedAfter=2000-01-01", path(claim)))
        .auth(client)
        .send()
        .await
        .expect(200);
    response.json()["custodyEvents"].as_array().unwrap().clone()
}

#[tokio::test]
async fn the_custody_of_a_claim_has_its_uploads_links_and_downloads_with_hashes_and_nothing_else() {
    let api = TestApi::open().await;
    let (client, auditor) = (api.full_access_client().await, api.client(api.home, &[Scope::EvidenceRead]).await);
    let (first, second) = (uploaded(&api, &client, "first").await, uploaded(&api, &client, "second").await);
    let other = uploaded(&api, &client, "other").await;
    let claim = claimed(&api, &client, "custody", &[&first, &second]).await;
    claimed(&api, &client, "another", &[&other]).await;
    // The claim is a millisecond later than the uploads that it changes.
    api.clock().tick();
    download(&api, &auditor, &second).send().await.expect(200);
    download(&api, &auditor, &second).header("range", "bytes=0-1").send().await.expect(206);
    // None of these gets a byte of a file.
    let tag = format!("\"{}\"", second["sha256"].as_str().unwrap());
    download(&api, &auditor, &second).header("if-none-match", tag).send().await.expect(304);
    download(&api, &auditor, &second).header("range", "bytes=99-").send().await.expect(416);
    let content = format!("/api/v1/governance/evidence/attachments/{}/content", second["id"].as_str().unwrap());
    api.request("HEAD", &content).auth(&auditor).send().await.expect(200);
    api.get(&content).auth(&api.client(api.home, &[Scope::RisksRead]).await).send().await.expect(403);
    api.get(&format!("{CLAIMS}/{}", claim["id"].as_str().unwrap())).auth(&auditor).send().await.expect(200);

    let events = custody(&api, &auditor, &claim).await;
    let summary: Vec<_> = events
        .iter()
        .map(|event| {
            (
                event["eventKind"].as_str().unwrap(),
                event["attachmentId"].as_str(),
                event["sha256"].as_str(),
                event["status"].as_u64().unwrap(),
            )
        })
        .collect();
    let (id, hash) = (
        |file: &'_ Value| file["id"].as_str().unwrap().to_owned(),
        |file: &Value| file["sha256"].as_str().unwrap().to_owned(),
    );
    let (first_id, second_id, first_hash, second_hash) = (id(&first), id(&second), hash(&first), hash(&second));
    let (first, second) = ((Some(&*first_id), Some(&*first_hash)), (Some(&*second_id), Some(&*second_hash)));
    assert_eq!(
        summary,
        [
            ("uploaded", first.0, first.1, 201),
            ("uploaded", second.0, second.1, 201),
            ("claimed", None, None, 201),
            ("linked", first.0, first.1, 201),
            ("linked", second.0, second.1, 201),
            ("downloaded", second.0, second.1, 200),
            ("downloaded", second.0, second.1, 206),
        ]
    );
    assert_eq!(events[0]["reason"], "Report of the nightly backup");
    assert_eq!((&events[0]["fileName"], &events[0]["size"]), (&json!("report.csv"), &json!(5)));
    assert_eq!(events[5]["actor"]["id"], auditor.id());
    let log = api.audit_log(api.home).await;
    for event in &events {
        let stored = log.iter().find(|stored| stored.entry.id.to_string() == event["id"].as_str().unwrap()).unwrap();
        assert_eq!(event["occurredAt"], stored.entry.occurred_at.to_string());
        assert_eq!((&event["sequence"], &event["hash"]), (&Value::Null, &Value::Null));
    }
}

#[tokio::test]
async fn an_event_has_the_sequence_and_the_hash_of_its_entry_once_that_is_sealed() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let file = uploaded(&api, &client, "file").await;
    let claim = claimed(&api, &client, "sealed", &[&file]).await;
    api.seal().await;
    let log = api.audit_log(api.home).await;
    for event in custody(&api, &client, &claim).await {
        let stored = log.iter().find(|stored| stored.entry.id.to_string() == event["id"].as_str().unwrap()).unwrap();
        let seal = stored.seal.as_ref().unwrap();
        assert_eq!(
            (event["sequence"].as_i64(), event["hash"].as_str()),
            (Some(seal.sequence), Some(&*seal.hash.to_string()))
        );
    }
}

#[tokio::test]
async fn the_custody_of_a_claim_is_read_in_pages_in_either_order() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let file = uploaded(&api, &client, "file").await;
    let claim = claimed(&api, &client, "paged", &[&file]).await;
    for _ in 0..5 {
        api.clock().advance(Duration::from_secs(1));
        download(&api, &client, &file).send().await.expect(200);
    }
    let mut oldest_first = custody(&api, &client, &claim).await;
    assert_eq!(oldest_first.len(), 8);
    let (mut newest_first, mut next) = (Vec::new(), format!("{}?limit=3", path(&claim)));
    loop {
        let page = api.get(&next).auth(&client).send().await.expect(200).json();
        newest_first.extend(page["custodyEvents"].as_array().unwrap().iter().cloned());
        match page["pagination"]["nextCursor"].as_str() {
            Some(cursor) => next = format!("{}?limit=3&cursor={cursor}", path(&claim)),
            None => break,
        }
    }
    oldest_first.reverse();
    assert_eq!(newest_first, oldest_first);
}
