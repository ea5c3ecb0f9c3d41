//! Submission requirements, packages, and the events that clients record about packages.

use kernel::{Record as _, Stored};
use scopes::Scope;
use serde_json::{Value, json};
use store_contract::samples;
use submissions::{SubmissionEventKind, SubmissionPackage, SubmissionPackageStatus, SubmissionRequirement};

use crate::support::{Client, TestApi, TestResponse};

const PACKAGES: &str = "/api/v1/governance/submissions/packages";
const REQUIREMENTS: &str = "/api/v1/governance/submissions/requirements";

async fn setup() -> (TestApi, Client) {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    (api, client)
}

/// Stores a package with this status, and with neither times nor a reference. Returns its identifier.
pub(crate) async fn store_package(api: &TestApi, status: SubmissionPackageStatus, key: &str) -> String {
    let package = SubmissionPackage {
        key: samples::key(key),
        status,
        submitted_at: None,
        acknowledged_at: None,
        decided_at: None,
        recipient_reference: None,
        ..SubmissionPackage::example()
    };
    api.fixture.create(api.home, package).await.meta.id.to_string()
}

/// Records an event about a package.
pub(crate) async fn record(api: &TestApi, client: &Client, id: &str, kind: &str, fields: Value) -> TestResponse {
    let mut body = json!({ "occurredAt": "2026-05-01T08:00:00Z", "reason": "because a test says so" });
    body["eventKind"] = json!(kind);
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    api.post(&format!("{PACKAGES}/{id}/events")).auth(client).json(&body).send().await
}

async fn current(api: &TestApi, client: &Client, id: &str) -> Value {
    let response = api.get(&format!("{PACKAGES}/{id}")).auth(client).send().await.expect(200);
    response.json()["submissionPackage"].clone()
}

async fn events(api: &TestApi, client: &Client, id: &str) -> Value {
    api.get(&format!("{PACKAGES}/{id}/events")).auth(client).send().await.expect(200).json()["submissionEvents"].clone()
}

/// The status that an event leads to from a status, by the contract; `None` if the event is not allowed there.
fn status_after(kind: &str, from: &'static str) -> Option<&'static str> {
    match (kind, from) {
        ("submission", "ready") | ("resubmission", "rejected" | "withdrawn") => Some("submitted"),
        ("receipt", "submitted") => Some("acknowledged"),
        ("acceptance", "submitted" | "acknowledged") => Some("accepted"),
        ("rejection", "submitted" | "acknowledged") => Some("rejected"),
        ("withdrawal", "submitted" | "acknowledged" | "rejected") => Some("withdrawn"),
        ("comment", from) => Some(from),
        _ => None,
    }
}

#[tokio::test]
async fn every_event_moves_every_package_as_the_contract_says_or_is_rejected_with_422() {
    let (api, client) = setup().await;
    for kind in SubmissionEventKind::ALL.iter().map(|kind| kind.name()) {
        for status in SubmissionPackageStatus::ALL {
            let from = status.name();
            let id = store_package(&api, *status, &format!("{kind}-{from}")).await;
            let response = record(&api, &client, &id, kind, json!({})).await;
            match status_after(kind, from) {
                Some(to) => {
                    let body = response.expect(201).json();
                    assert_eq!(body["submissionPackage"]["status"], to, "{kind} of {from}");
                    assert_eq!(body["submissionEvent"]["submissionPackageId"], id);
                    assert_eq!(body["submissionPackage"], current(&api, &client, &id).await);
                    assert_eq!(events(&api, &client, &id).await, json!([body["submissionEvent"]]));
                }
                None => {
                    let response = response.expect(422);
                    assert_eq!(response.error_code(), "unprocessable");
                    let allowed = format!("a package with status {from} allows: ");
                    let message = response.message();
                    assert!(message.contains("; allowed from: ") && message.contains(&allowed), "{message}");
                    assert_eq!(current(&api, &client, &id).await["status"], from);
                    assert_eq!(events(&api, &client, &id).await, json!([]));
                }
            }
        }
    }
}

#[tokio::test]
async fn an_event_is_stored_as_reported_and_events_are_listed_newest_first() {
    let (api, client) = setup().await;
    let id = store_package(&api, SubmissionPackageStatus::Submitted, "k").await;
    api.clock().tick();
    let fields = json!({ "occurredAt": "2026-05-01", "recipientReference": "NCUA-1", "note": "seen\nby the portal" });
    let first = record(&api, &client, &id, "receipt", fields).await.expect(201);
    assert_eq!(first.header("location"), format!("{PACKAGES}/{id}/events"));
    let event = first.json()["submissionEvent"].clone();
    let event_id = event["id"].as_str().unwrap();
    assert!(event_id.starts_with("subev_"));
    let now = api.fixture.now().to_string();
    assert_eq!(
        event,
        json!({
            "id": event_id, "submissionPackageId": id, "eventKind": "receipt", "occurredAt": "2026-05-01T00:00:00.000Z",
            "recipientReference": "NCUA-1", "note": "seen\nby the portal", "createdAt": now, "updatedAt": now,
        })
    );
    api.clock().tick();
    let second = record(&api, &client, &id, "comment", json!({})).await.expect(201).json()["submissionEvent"].clone();
    assert_eq!((&second["recipientReference"], &second["note"]), (&Value::Null, &Value::Null));
    assert_eq!(events(&api, &client, &id).await, json!([second, event]));
    let other = store_package(&api, SubmissionPackageStatus::Draft, "other").await;
    assert_eq!(events(&api, &client, &other).await, json!([]));
}

#[tokio::test]
async fn events_set_the_times_and_the_reference_of_the_package() {
    let (api, client) = setup().await;
    let id = store_package(&api, SubmissionPackageStatus::Ready, "k").await;
    let time = |day: u8| format!("2026-05-{day:02}T00:00:00.000Z");
    for (day, kind, reference, submitted, acknowledged, decided, expected) in [
        (1, "submission", None, Some(1), None, None, None),
        (2, "receipt", Some("NCUA-1"), Some(1), Some(2), None, Some("NCUA-1")),
        (3, "rejection", None, Some(1), Some(2), Some(3), Some("NCUA-1")),
        (4, "comment", Some("NCUA-x"), Some(1), Some(2), Some(3), Some("NCUA-1")),
        (5, "resubmission", None, Some(5), None, None, Some("NCUA-1")),
        (6, "acceptance", Some("NCUA-2"), Some(5), None, Some(6), Some("NCUA-2")),
    ] {
        api.clock().tick();
        let fields = json!({ "occurredAt": time(day), "recipientReference": reference });
        let package = record(&api, &client, &id, kind, fields).await.expect(201).json()["submissionPackage"].clone();
        assert_eq!(package["submittedAt"], json!(submitted.map(time)), "{kind}");
        assert_eq!(package["acknowledgedAt"], json!(acknowledged.map(time)), "{kind}");
        assert_eq!(package["decidedAt"], json!(decided.map(time)), "{kind}");
        assert_eq!(package["recipientReference"], json!(expected), "{kind}");
    }
}

#[tokio::test]
async fn all_errors_of_an_event_are_reported_together() {
    let (api, client) = setup().await;
    let id = store_package(&api, SubmissionPackageStatus::Submitted, "k").await;
    let path = format!("{PACKAGES}/{id}/events");
    let send = async |body: Value| api.post(&path).auth(&client).json(&body).send().await.expect(400);
    let body =
        json!({ "eventKind": "received", "occurredAt": "soon", "recipientReference": 7, "note": "\u{0}", "what": 1 });
    let response = send(body).await;
    let mut paths = response.issue_paths();
    paths.sort_unstable();
    assert_eq!(paths, ["eventKind", "note", "occurredAt", "reason", "recipientReference", "what"]);
    assert!(response.issue_message("eventKind").contains("submission, receipt, acceptance, rejection, withdrawal"));
    let mut paths = send(json!({})).await.issue_paths();
    paths.sort_unstable();
    assert_eq!(paths, ["eventKind", "occurredAt", "reason"]);
    let null = json!({ "eventKind": null, "occurredAt": null, "recipientReference": null, "note": null, "reason": "because of a test" });
    let mut paths = send(null).await.issue_paths();
    paths.sort_unstable();
    assert_eq!(paths, ["eventKind", "occurredAt"], "optional members may be null");
    for reference in ["", " ", "two\nlines", &"x".repeat(201)] {
        let fields = json!({ "recipientReference": reference });
        let response = record(&api, &client, &id, "receipt", fields).await.expect(400);
        assert_eq!(response.issue_paths(), ["recipientReference"], "{reference:?}");
    }
    assert_eq!(current(&api, &client, &id).await["status"], "submitted");
}

#[tokio::test]
async fn an_event_about_a_package_that_others_have_changed_is_refused_with_if_match() {
    let (api, client) = setup().await;
    let id = store_package(&api, SubmissionPackageStatus::Submitted, "k").await;
    let etag = api.get(&format!("{PACKAGES}/{id}")).auth(&client).send().await.expect(200).header("etag").to_owned();
    record(&api, &client, &id, "receipt", json!({})).await.expect(201);
    let body = json!({ "eventKind": "rejection", "occurredAt": "2026-05-02", "reason": "because of a test" });
    let call = api.post(&format!("{PACKAGES}/{id}/events")).auth(&client).json(&body);
    call.clone().header("if-match", &etag).send().await.expect(412);
    call.header("if-match", "\"r2\"").send().await.expect(201);
}

#[tokio::test]
async fn a_repeated_receipt_with_its_key_is_recorded_once() {
    let (api, client) = setup().await;
    let id = store_package(&api, SubmissionPackageStatus::Submitted, "k").await;
    let body = json!({ "eventKind": "receipt", "occurredAt": "2026-05-02", "reason": "because of a test" });
    let call = api.post(&format!("{PACKAGES}/{id}/events")).auth(&client).json(&body).idempotency_key("receipt-1");
    let first = call.clone().send().await.expect(201);
    api.probe.take_events();
    let again = call.send().await.expect(201);
    assert!(again.is_replayed() && again.body == first.body);
    assert!(api.probe.take_events().is_empty(), "a replay publishes nothing");
    record(&api, &client, &id, "receipt", json!({})).await.expect(422);
    assert_eq!(events(&api, &client, &id).await.as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_concurrent_decisions_is_recorded() {
    for round in 0..20 {
        let (api, client) = setup().await;
        let id = store_package(&api, SubmissionPackageStatus::Acknowledged, "k").await;
        let send = |kind: &str| {
            let body = json!({ "eventKind": kind, "occurredAt": "2026-05-02", "reason": "because of a test" });
            tokio::spawn(api.post(&format!("{PACKAGES}/{id}/events")).auth(&client).json(&body).send())
        };
        let (one, other) = (send("acceptance"), send("rejection"));
        let mut statuses = [one.await.unwrap().status, other.await.unwrap().status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 422], "round {round}");
        assert_eq!(events(&api, &client, &id).await.as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_recorded_event_is_published_with_the_package_and_a_change_of_status_behind_it() {
    let (api, client) = setup().await;
    let id = store_package(&api, SubmissionPackageStatus::Submitted, "k").await;
    api.clock().tick();
    api.probe.take_events();
    let take = || -> Vec<Value> {
        api.probe.take_events().iter().map(|event| serde_json::from_slice(&event.body).unwrap()).collect()
    };
    let body = record(&api, &client, &id, "rejection", json!({})).await.expect(201).json();
    let published = take();
    let expected = |event: &Value, name: &str, data: Value| {
        json!({
            "id": event["id"],
            "type": name,
            "createdAt": api.fixture.now().to_string(),
            "organization": { "id": api.home.to_string(), "slug": "home" },
            "data": data,
        })
    };
    let [recorded, changed] = published.as_slice() else { panic!("{published:?}") };
    let (event, package) = (&body["submissionEvent"], &body["submissionPackage"]);
    let data = json!({ "submissionPackage": package, "submissionEvent": event });
    assert_eq!(*recorded, expected(recorded, "submission.package.event_recorded", data));
    let data = json!({ "submissionPackage": package, "previousStatus": "submitted" });
    assert_eq!(*changed, expected(changed, "submission.package.status_changed", data));
    assert_ne!(recorded["id"], changed["id"]);

    api.clock().tick();
    let body = record(&api, &client, &id, "comment", json!({ "note": "Called them" })).await.expect(201).json();
    let published = take();
    let [recorded] = published.as_slice() else { panic!("{published:?}") };
    assert_eq!(recorded["data"], json!({ "submissionPackage": package, "submissionEvent": body["submissionEvent"] }));
    assert_eq!(recorded["createdAt"], api.fixture.now().to_string());
}

#[tokio::test]
async fn the_audit_entry_of_an_event_has_its_fields_and_those_of_the_package_that_changed() {
    let (api, client) = setup().await;
    let id = store_package(&api, SubmissionPackageStatus::Submitted, "k").await;
    let response =
        record(&api, &client, &id, "acceptance", json!({ "recipientReference": "NCUA-1" })).await.expect(201);
    let path = "/api/v1/audit/entries?action=submission_package.event_recorded";
    let entry = api.get(path).auth(&client).send().await.expect(200).json()["entries"][0].clone();
    assert_eq!(entry["subject"], json!({ "type": "submission_package", "id": id }));
    assert_eq!(entry["requestId"], response.header("x-request-id"));
    let time = "2026-05-01T08:00:00.000Z";
    let change = |field: &str, before: Value, after: &str| json!({ "field": field, "before": before, "after": after });
    assert_eq!(
        entry["changes"],
        json!([
            change("eventId", Value::Null, response.json()["submissionEvent"]["id"].as_str().unwrap()),
            change("eventKind", Value::Null, "acceptance"),
            change("eventOccurredAt", Value::Null, time),
            change("eventRecipientReference", Value::Null, "NCUA-1"),
            change("status", json!("submitted"), "accepted"),
            change("decidedAt", Value::Null, time),
            change("recipientReference", Value::Null, "NCUA-1"),
        ])
    );
}

#[tokio::test]
async fn packages_are_filtered_by_requirement_and_status() {
    let (api, client) = setup().await;
    let mut requirements: Vec<Stored<SubmissionRequirement>> = Vec::new();
    for key in ["one", "two"] {
        let requirement = SubmissionRequirement { key: samples::key(key), ..SubmissionRequirement::example() };
        requirements.push(api.fixture.create(api.home, requirement).await);
    }
    let mut ids = Vec::new();
    for (number, status) in [
        (0, SubmissionPackageStatus::Draft),
        (1, SubmissionPackageStatus::Draft),
        (1, SubmissionPackageStatus::Accepted),
    ] {
        let package = SubmissionPackage {
            key: samples::key(&format!("p-{}", ids.len())),
            submission_requirement_id: requirements[number].meta.id,
            status,
            ..SubmissionPackage::example()
        };
        ids.push(api.fixture.create(api.home, package).await.meta.id.to_string());
    }
    let list = async |query: &str| {
        let body = api.get(&format!("{PACKAGES}?{query}")).auth(&client).send().await.expect(200).json();
        let packages = body["submissionPackages"].as_array().unwrap().clone();
        packages.iter().map(|package| package["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let of_two = format!("submissionRequirementId={}", requirements[1].meta.id);
    assert_eq!(list(&of_two).await, [ids[2].clone(), ids[1].clone()]);
    assert_eq!(list(&format!("{of_two}&status=draft")).await, [ids[1].clone()]);
    assert_eq!(list("status=accepted,rejected").await, [ids[2].clone()]);
    let absent = format!("{PACKAGES}?submissionRequirementId={}", api.fixture.new_id::<SubmissionRequirement>());
    let response = api.get(&absent).auth(&client).send().await.expect(400);
    assert_eq!(response.issue_paths(), ["query.submissionRequirementId"]);
    let requirement =
        api.get(&format!("{REQUIREMENTS}/{}", requirements[0].meta.id)).auth(&client).send().await.expect(200);
    assert_eq!(
        requirement.json()["submissionRequirement"],
        json!({
            "id": requirements[0].meta.id.to_string(),
            "requirementKey": "one",
            "title": "Quarterly call report",
            "submissionKind": "regulator_report",
            "recipientName": "National Credit Union Administration",
            "cadence": "quarterly",
            "status": "active",
            "createdAt": requirements[0].meta.created_at.to_string(),
            "updatedAt": requirements[0].meta.updated_at.to_string(),
        })
    );
}

#[tokio::test]
async fn reading_and_recording_require_their_own_scopes() {
    let (api, _) = setup().await;
    let id = store_package(&api, SubmissionPackageStatus::Submitted, "k").await;
    let reader = api.client(api.home, &[Scope::SubmissionsRead]).await;
    let writer = api.client(api.home, &[Scope::SubmissionsWrite]).await;
    record(&api, &reader, &id, "receipt", json!({})).await.expect(403);
    api.get(&format!("{PACKAGES}/{id}/events")).auth(&writer).send().await.expect(403);
    record(&api, &writer, &id, "receipt", json!({})).await.expect(201);
    assert_eq!(events(&api, &reader, &id).await.as_array().unwrap().len(), 1);
}
