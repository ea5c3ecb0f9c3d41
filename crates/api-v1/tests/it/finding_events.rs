//! Events that clients report about findings.

use findings::{EventKind, Status};
use serde_json::{Value, json};

use crate::{
    support::{Client, TestApi, TestResponse, findings_path},
    transitions::store_finding_with_status,
};

async fn setup() -> (TestApi, Client) {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    (api, client)
}

async fn report_event(api: &TestApi, client: &Client, id: &str, kind: &str, fields: Value) -> TestResponse {
    let mut body = fields;
    body["eventType"] = json!(kind);
    body["reason"] = json!("because a test says so");
    api.post(&format!("{}/{id}/events", findings_path())).auth(client).json(&body).send().await
}

async fn current_finding(api: &TestApi, client: &Client, id: &str) -> Value {
    api.get(&format!("{}/{id}", findings_path())).auth(client).send().await.expect(200).json()["finding"].clone()
}

/// The status that an event leads to from a status, by the contract; `None` if the event is not allowed there.
fn status_after(kind: &str, from: &str) -> Option<&'static str> {
    match (kind, from) {
        ("acknowledged", "open") => Some("triaged"),
        ("remediation_reported", "open" | "triaged" | "remediation_planned") => Some("remediating"),
        ("verified_as_duplicate", from) if from != "archived" => Some("closed"),
        ("verified_as_resolved", "remediating" | "verified") => Some("closed"),
        ("reopened", "closed" | "accepted") => Some("open"),
        ("comment", from) => Status::ALL.iter().map(|status| status.name()).find(|name| *name == from),
        _ => None,
    }
}

#[tokio::test]
async fn every_event_moves_every_status_as_the_contract_says_or_is_rejected_with_422() {
    let (api, client) = setup().await;
    for kind in EventKind::ALL.iter().map(|kind| kind.name()) {
        for from in Status::ALL.iter().map(|status| status.name()) {
            let id = store_finding_with_status(&api, from, &format!("{kind}-{from}")).await;
            let fields =
                if kind == "verified_as_duplicate" { json!({ "externalReference": "INC1" }) } else { json!({}) };
            let response = report_event(&api, &client, &id, kind, fields).await;
            match status_after(kind, from) {
                Some(to) => {
                    let body = response.expect(201).json();
                    assert_eq!(body["finding"]["status"], to, "{kind} of {from}");
                    assert_eq!(body["findingEvent"]["findingId"], id);
                    assert_eq!(body["finding"], current_finding(&api, &client, &id).await);
                }
                None => {
                    assert_eq!(response.error_code(), "unprocessable", "{kind} of {from} returned {}", response.status);
                    assert_eq!(response.status, 422);
                    assert!(response.message().contains("allowed from: "), "{}", response.message());
                    assert_eq!(current_finding(&api, &client, &id).await["status"], from);
                    let listed = api.get(&format!("{}/{id}/events", findings_path())).auth(&client).send().await;
                    assert_eq!(listed.json()["findingEvents"], json!([]));
                }
            }
        }
    }
}

#[tokio::test]
async fn an_event_is_stored_as_reported_and_events_are_listed_newest_first() {
    let (api, client) = setup().await;
    let id = store_finding_with_status(&api, "open", "k").await;
    api.clock().tick();
    let fields = json!({ "note": "seen\nby us", "externalReference": "INC1", "occurredAt": "2026-05-01T00:00:00Z" });
    let first = report_event(&api, &client, &id, "acknowledged", fields).await.expect(201);
    assert_eq!(first.header("location"), format!("{}/{id}/events", findings_path()));
    let event = first.json()["findingEvent"].clone();
    let event_id = event["id"].as_str().unwrap();
    assert!(event_id.starts_with("findev_"));
    let now = api.fixture.now().to_string();
    assert_eq!(
        event,
        json!({
            "id": event_id, "findingId": id, "eventType": "acknowledged", "note": "seen\nby us", "externalReference": "INC1",
            "duplicateOfFindingId": null, "occurredAt": "2026-05-01T00:00:00.000Z", "createdAt": now, "updatedAt": now,
        })
    );
    api.clock().tick();
    let second =
        report_event(&api, &client, &id, "comment", json!({})).await.expect(201).json()["findingEvent"].clone();
    assert_eq!(second["occurredAt"], api.fixture.now().to_string(), "occurredAt defaults to the current time");
    let path = format!("{}/{id}/events", findings_path());
    let listed = api.get(&path).auth(&client).send().await.expect(200).json();
    assert_eq!(listed["findingEvents"], json!([second, event]));
    let page = api.get(&format!("{path}?limit=1")).auth(&client).send().await.expect(200).json();
    let cursor = page["pagination"]["nextCursor"].as_str().unwrap().to_owned();
    let rest = api.get(&format!("{path}?cursor={cursor}")).auth(&client).send().await.expect(200).json();
    assert_eq!(rest["findingEvents"], json!([event]));
    let other = store_finding_with_status(&api, "open", "other").await;
    let path = format!("{}/{other}/events", findings_path());
    assert_eq!(api.get(&path).auth(&client).send().await.expect(200).json()["findingEvents"], json!([]));
    api.get(&format!("{path}?cursor={cursor}")).auth(&client).send().await.expect(400);
}

#[tokio::test]
async fn a_duplicate_names_exactly_one_original() {
    let (api, client) = setup().await;
    let id = store_finding_with_status(&api, "open", "k").await;
    let original = store_finding_with_status(&api, "open", "original").await;
    for fields in [
        json!({}),
        json!({ "duplicateOfFindingId": original, "externalReference": "INC1" }),
        json!({ "duplicateOfFindingId": null }),
    ] {
        let response = report_event(&api, &client, &id, "verified_as_duplicate", fields).await.expect(400);
        assert_eq!(response.issue_paths(), ["duplicateOfFindingId"]);
    }
    api.clock().tick();
    let finding =
        report_event(&api, &client, &id, "verified_as_duplicate", json!({ "duplicateOfFindingId": original })).await;
    let finding = finding.expect(201).json()["finding"].clone();
    assert_eq!((&finding["status"], &finding["duplicateOfFindingId"]), (&json!("closed"), &json!(original)));
    assert_eq!(finding["closedAt"], api.fixture.now().to_string());
}

#[tokio::test]
async fn only_a_duplicate_event_may_name_an_original() {
    let (api, client) = setup().await;
    let id = store_finding_with_status(&api, "open", "k").await;
    let original = store_finding_with_status(&api, "open", "original").await;
    let response =
        report_event(&api, &client, &id, "comment", json!({ "duplicateOfFindingId": original })).await.expect(400);
    assert_eq!(response.issue_paths(), ["duplicateOfFindingId"]);
}

#[tokio::test]
async fn a_finding_cannot_be_a_duplicate_of_itself_or_of_one_of_its_own_duplicates() {
    let (api, client) = setup().await;
    let mut ids = Vec::new();
    for key in ["a", "b", "c"] {
        ids.push(store_finding_with_status(&api, "open", key).await);
    }
    let mark_duplicate = async |duplicate: usize, original: usize| {
        report_event(
            &api,
            &client,
            &ids[duplicate],
            "verified_as_duplicate",
            json!({ "duplicateOfFindingId": ids[original] }),
        )
        .await
    };
    assert_eq!(mark_duplicate(0, 0).await.expect(400).issue_paths(), ["duplicateOfFindingId"]);
    mark_duplicate(0, 1).await.expect(201);
    mark_duplicate(1, 2).await.expect(201);
    assert_eq!(mark_duplicate(1, 0).await.expect(400).issue_paths(), ["duplicateOfFindingId"]);
    assert_eq!(mark_duplicate(2, 0).await.expect(400).issue_paths(), ["duplicateOfFindingId"]);
    report_event(&api, &client, &ids[1], "reopened", json!({})).await.expect(201);
    // a is still a duplicate of b, but b is no longer a duplicate of c: so c may become a duplicate of a.
    mark_duplicate(2, 0).await.expect(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_reports_create_no_cycle_of_duplicates() {
    for round in 0..20 {
        let (api, client) = setup().await;
        let one = store_finding_with_status(&api, "open", "one").await;
        let two = store_finding_with_status(&api, "open", "two").await;
        let send = |duplicate: &str, original: &str| {
            let body = json!({ "eventType": "verified_as_duplicate", "duplicateOfFindingId": original, "reason": "because of a test" });
            tokio::spawn(api.post(&format!("{}/{duplicate}/events", findings_path())).auth(&client).json(&body).send())
        };
        let (first, second) = (send(&one, &two), send(&two, &one));
        let mut statuses = [first.await.unwrap().status, second.await.unwrap().status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 400], "round {round}");
    }
}

#[tokio::test]
async fn a_closed_finding_can_be_reported_as_a_duplicate_and_keeps_its_time_of_closing() {
    let (api, client) = setup().await;
    let id = store_finding_with_status(&api, "closed", "k").await;
    let closed_at = api.fixture.now().to_string();
    let original = store_finding_with_status(&api, "open", "original").await;
    api.clock().tick();
    let response =
        report_event(&api, &client, &id, "verified_as_duplicate", json!({ "duplicateOfFindingId": original })).await;
    let finding = response.expect(201).json()["finding"].clone();
    assert_eq!((&finding["duplicateOfFindingId"], &finding["closedAt"]), (&json!(original), &json!(closed_at)));
    let reopened = report_event(&api, &client, &id, "reopened", json!({})).await.expect(201).json()["finding"].clone();
    assert_eq!((&reopened["duplicateOfFindingId"], &reopened["closedAt"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn a_comment_leaves_the_finding_unchanged() {
    let (api, client) = setup().await;
    let id = store_finding_with_status(&api, "open", "k").await;
    let before = current_finding(&api, &client, &id).await;
    api.clock().tick();
    report_event(&api, &client, &id, "comment", json!({ "note": "" })).await.expect(201);
    assert_eq!(current_finding(&api, &client, &id).await, before);
}

#[tokio::test]
async fn all_errors_of_an_event_are_reported_together() {
    let (api, client) = setup().await;
    let id = store_finding_with_status(&api, "open", "k").await;
    let body =
        json!({ "eventType": "closed", "note": 7, "occurredAt": "now", "duplicateOfFindingId": "find_1", "what": 1 });
    let response =
        api.post(&format!("{}/{id}/events", findings_path())).auth(&client).json(&body).send().await.expect(400);
    let mut paths = response.issue_paths();
    paths.sort_unstable();
    assert_eq!(paths, ["duplicateOfFindingId", "eventType", "note", "occurredAt", "reason", "what"]);
    assert!(response.issue_message("eventType").contains("acknowledged, remediation_reported"));
}
