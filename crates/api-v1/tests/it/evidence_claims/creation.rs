use evidence::{EvidenceClaim, EvidenceRequirement, EvidenceRequirementStatus};
use scopes::Scope;
use serde_json::{Value, json};

use super::{CLAIMS, claim, setup, store_requirement};

#[tokio::test]
async fn a_claim_is_created_pending_and_reads_back_as_the_response_shows_it() {
    let (api, client, requirement) = setup().await;
    let fields = json!({
        "description": "All tables.\nWithin 38 minutes.", "validFrom": "2026-05-01", "validUntil": "2030-01-01T00:00:00+02:00",
        "sourceReference": "job/88123",
    });
    let response = claim(&api, &client, &requirement, "k1", fields).send().await.expect(201);
    let claim = response.json()["claim"].clone();
    let (id, now) = (claim["id"].as_str().unwrap().to_owned(), api.fixture.now().to_string());
    assert!(id.starts_with("evclm_"));
    assert_eq!(response.header("location"), format!("{CLAIMS}/{id}"));
    assert_eq!(
        claim,
        json!({
            "id": id, "evidenceRequirementId": requirement, "claimKey": "k1", "title": "Restore test",
            "description": "All tables.\nWithin 38 minutes.", "status": "pending",
            "validFrom": "2026-05-01T00:00:00.000Z", "validUntil": "2029-12-31T22:00:00.000Z",
            "sourceKind": "integration", "sourceReference": "job/88123", "attachments": [],
            "reviewedAt": null, "reviewNote": null, "createdAt": now, "updatedAt": now,
        })
    );
    let read = api.get(&format!("{CLAIMS}/{id}")).auth(&client).send().await.expect(200);
    assert_eq!(read.json()["claim"], claim);
    assert_eq!(read.header("etag"), response.header("etag"));
}

#[tokio::test]
async fn a_claim_is_published_with_the_record_as_it_was_made() {
    let (api, client, requirement) = setup().await;
    api.probe.take_events();
    let response = claim(&api, &client, &requirement, "k1", json!({})).send().await.expect(201);
    let [event] = api.probe.take_events().try_into().unwrap_or_else(|events| panic!("{events:?}"));
    let body: Value = serde_json::from_slice(&event.body).unwrap();
    assert_eq!(
        body,
        json!({
            "id": body["id"], "type": "evidence.claim.created", "createdAt": api.fixture.now().to_string(),
            "organization": { "id": api.home.to_string(), "slug": "home" },
            "data": { "claim": response.json()["claim"] },
        })
    );
}

#[tokio::test]
async fn a_requirement_that_is_not_active_is_refused_with_422_and_an_absent_one_with_400() {
    let (api, client, _) = setup().await;
    for status in [EvidenceRequirementStatus::Draft, EvidenceRequirementStatus::Retired] {
        let requirement = store_requirement(&api, status, status.name()).await;
        let response = claim(&api, &client, &requirement, "k", json!({})).send().await.expect(422);
        assert!(response.message().contains(&format!("with status {}: it must be active", status.name())));
    }
    let absent = api.fixture.new_id::<EvidenceRequirement>().to_string();
    let elsewhere = api.fixture.create_organization("elsewhere").await;
    let other = api.fixture.create(elsewhere, <EvidenceRequirement as kernel::Record>::example()).await.meta.id;
    let mut bodies = Vec::new();
    for id in [absent, other.to_string()] {
        let response = claim(&api, &client, &id, "k", json!({})).send().await.expect(400);
        assert_eq!(response.issue_paths(), ["evidenceRequirementId"]);
        bodies.push(response.body_without_request_id().to_string().replace(&id, "the identifier"));
    }
    assert_eq!(bodies[0], bodies[1]);
    assert_eq!(api.probe.take_events().len(), 0);
}

#[tokio::test]
async fn a_taken_key_is_a_409_with_the_identifier_of_the_claim_that_has_it() {
    let (api, client, requirement) = setup().await;
    let first = claim(&api, &client, &requirement, "k", json!({})).send().await.expect(201).json();
    let response = claim(&api, &client, &requirement, "k", json!({ "title": "Another" })).send().await.expect(409);
    assert_eq!(response.json()["existingId"], first["claim"]["id"]);
    assert_eq!(response.error_code(), "conflict");
}

#[tokio::test]
async fn every_fault_of_a_claim_is_reported_at_once() {
    let (api, client, _) = setup().await;
    let response = api
        .post(CLAIMS)
        .auth(&client)
        .json(&json!({
            "evidenceRequirementId": "evreq_1", "claimKey": "two words", "title": "", "validUntil": "soon", "status": "approved",
            "attachmentIds": ["evatt_1", 7], "reason": "short",
        }))
        .send()
        .await
        .expect(400);
    let mut paths = response.issue_paths();
    paths.sort_unstable();
    assert_eq!(
        paths,
        [
            "attachmentIds.0",
            "attachmentIds.1",
            "claimKey",
            "evidenceRequirementId",
            "reason",
            "status",
            "title",
            "validUntil",
        ]
    );
}

#[tokio::test]
async fn the_validity_must_end_after_it_begins_and_in_the_future() {
    let (api, client, requirement) = setup().await;
    let now = api.fixture.now().to_string();
    let (ended, reversed) = ("must be in the future", "must be after the beginning of the validity");
    for (fields, message) in [
        (json!({ "validUntil": now }), ended),
        (json!({ "validUntil": "2020-01-02" }), ended),
        (json!({ "validFrom": "2030-01-02", "validUntil": "2030-01-01" }), reversed),
        (json!({ "validFrom": "2020-01-01", "validUntil": "2020-01-02" }), ended),
    ] {
        let response = claim(&api, &client, &requirement, "k", fields).send().await.expect(400);
        assert!(response.issue_message("validUntil").starts_with(message), "{}", response.message());
    }
}

#[tokio::test]
async fn the_audit_log_has_the_claim_and_each_attachment_with_its_hash() {
    let (api, client, requirement) = setup().await;
    let fields = json!({ "attachments": [super::inline("a.txt", "YQ==")] });
    let claim = claim(&api, &client, &requirement, "k", fields).send().await.expect(201).json()["claim"].clone();
    let attachment = &claim["attachments"][0];
    let entries = async |action: &str| {
        let path = format!("/api/v1/audit/entries?action={action}");
        api.get(&path).auth(&client).send().await.expect(200).json()["entries"].clone()
    };
    let made = entries("evidence_claim.created").await[0].clone();
    assert_eq!(made["subject"], json!({ "type": "evidence_claim", "id": claim["id"] }));
    let added = entries("evidence_attachment.created").await[0].clone();
    assert_eq!(added["subject"], json!({ "type": "evidence_attachment", "id": attachment["id"] }));
    let changes = added["changes"].as_array().unwrap();
    let after = |field: &str| changes.iter().find(|change| change["field"] == field).unwrap()["after"].clone();
    assert_eq!((after("sha256"), after("claimId")), (attachment["sha256"].clone(), claim["id"].clone()));
    assert_eq!(made["requestId"], added["requestId"]);
}

#[tokio::test]
async fn a_claim_requires_the_scope_to_write_and_reading_one_that_to_read() {
    let (api, _, requirement) = setup().await;
    let writer = api.client(api.home, &[Scope::EvidenceWrite]).await;
    let reader = api.client(api.home, &[Scope::EvidenceRead]).await;
    let made = claim(&api, &writer, &requirement, "k", json!({})).send().await.expect(201).json();
    claim(&api, &reader, &requirement, "k2", json!({})).send().await.expect(403);
    let path = format!("{CLAIMS}/{}", made["claim"]["id"].as_str().unwrap());
    api.get(&path).auth(&writer).send().await.expect(403);
    api.get(&path).auth(&reader).send().await.expect(200);
    let absent = api.fixture.new_id::<EvidenceClaim>();
    api.get(&format!("{CLAIMS}/{absent}")).auth(&reader).send().await.expect(404);
}
