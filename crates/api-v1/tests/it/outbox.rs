//! The events for subscribers, which are stored together with the change that causes them.

use serde_json::{Value, json};

use crate::{
    support::{Client, TestApi, finding_body, findings_path},
    transitions::store_finding_with_status,
};

async fn setup() -> (TestApi, Client) {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    (api, client)
}

/// Takes the names and bodies of the events that were stored since the last call.
fn take_events(api: &TestApi) -> Vec<(String, Value)> {
    let events = api.probe.take_events();
    events.iter().map(|event| (event.name.to_owned(), serde_json::from_slice(&event.body).unwrap())).collect()
}

fn take_event_names(api: &TestApi) -> Vec<String> {
    take_events(api).into_iter().map(|(name, _)| name).collect()
}

async fn patch(api: &TestApi, client: &Client, id: &str, mut change: Value) -> Value {
    change["reason"] = json!("because a test says so");
    let path = format!("{}/{id}", findings_path());
    api.patch(&path).auth(client).json(&change).send().await.expect(200).json()["finding"].clone()
}

async fn report(api: &TestApi, client: &Client, id: &str, mut event: Value) -> Value {
    event["reason"] = json!("because a test says so");
    let path = format!("{}/{id}/events", findings_path());
    api.post(&path).auth(client).json(&event).send().await.expect(201).json()["finding"].clone()
}

#[tokio::test]
async fn the_event_of_a_created_finding_contains_the_whole_finding() {
    let (api, client) = setup().await;
    let response = api.post(findings_path()).auth(&client).json(&finding_body("k")).send().await.expect(201);
    let events = take_events(&api);
    assert_eq!(events.len(), 1);
    let (name, body) = &events[0];
    assert_eq!(name, "finding.created");
    let id = body["id"].as_str().unwrap();
    assert!(id.starts_with("evt_"));
    assert_eq!(
        *body,
        json!({
            "id": id,
            "type": "finding.created",
            "createdAt": api.fixture.now().to_string(),
            "organization": { "id": api.home.to_string(), "slug": "home" },
            "data": { "finding": response.json()["finding"] },
        })
    );
}

#[tokio::test]
async fn only_changes_of_severity_owner_due_date_and_status_are_published() {
    let (api, client) = setup().await;
    let id = api.create_finding(&client, "k").await;
    api.probe.take_events();
    for (change, expected) in [
        (json!({ "title": "Other" }), &[][..]),
        (
            json!({ "description": "Other", "subjectModuleKey": "a", "subjectResourceType": "b", "subjectResourceId": "c" }),
            &[],
        ),
        (json!({ "severity": "low" }), &["finding.updated"]),
        (json!({ "severity": "low" }), &[]),
        (json!({ "ownerMemberUserId": "u" }), &["finding.updated"]),
        (json!({ "ownerResponsibilityId": "r" }), &["finding.updated"]),
        (json!({ "ownerMemberUserId": null }), &["finding.updated"]),
        (json!({ "dueAt": "2026-07-01T00:00:00Z" }), &["finding.updated"]),
        (json!({ "status": "triaged" }), &["finding.updated", "finding.status_changed"]),
        (json!({ "status": "accepted" }), &["finding.updated", "finding.status_changed", "finding.closed"]),
        (json!({ "status": "closed" }), &["finding.updated", "finding.status_changed", "finding.closed"]),
        (json!({ "status": "archived" }), &["finding.updated", "finding.status_changed"]),
    ] {
        let finding = patch(&api, &client, &id, change.clone()).await;
        let events = take_events(&api);
        assert_eq!(events.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), expected, "{change}");
        for (name, body) in events {
            assert_eq!(body["data"]["finding"], finding, "the event contains the finding as it is after the change");
            assert_eq!(body["data"].get("previousStatus").is_some(), name == "finding.status_changed");
        }
    }
}

#[tokio::test]
async fn a_status_change_event_contains_the_previous_status() {
    let (api, client) = setup().await;
    let id = api.create_finding(&client, "k").await;
    api.probe.take_events();
    patch(&api, &client, &id, json!({ "status": "remediating" })).await;
    assert_eq!(take_events(&api)[1].1["data"]["previousStatus"], "open");
}

#[tokio::test]
async fn finding_events_are_published_according_to_the_changes_they_cause() {
    let (api, client) = setup().await;
    let moved = ["finding.updated", "finding.status_changed"];
    let closed = ["finding.updated", "finding.status_changed", "finding.closed"];
    for (from, event, expected) in [
        ("open", json!({ "eventType": "comment" }), &[][..]),
        ("open", json!({ "eventType": "acknowledged" }), &moved),
        ("verified", json!({ "eventType": "verified_as_resolved" }), &closed),
        ("open", json!({ "eventType": "verified_as_duplicate", "externalReference": "INC1" }), &closed),
        ("accepted", json!({ "eventType": "verified_as_duplicate", "externalReference": "INC1" }), &closed),
        ("closed", json!({ "eventType": "verified_as_duplicate", "externalReference": "INC1" }), &[]),
        ("closed", json!({ "eventType": "reopened" }), &moved),
    ] {
        let id = store_finding_with_status(&api, from, &format!("{from}{event}").replace(' ', "")).await;
        report(&api, &client, &id, event.clone()).await;
        assert_eq!(take_event_names(&api), expected, "{event} of {from}");
    }
}

#[tokio::test]
async fn resolving_a_finding_in_remediation_publishes_the_implied_step_through_verified() {
    let (api, client) = setup().await;
    let id = store_finding_with_status(&api, "remediating", "k").await;
    report(&api, &client, &id, json!({ "eventType": "verified_as_resolved" })).await;
    let events = take_events(&api);
    let steps: Vec<_> = events
        .iter()
        .filter(|(name, _)| name == "finding.status_changed")
        .map(|(_, body)| (body["data"]["previousStatus"].clone(), body["data"]["finding"]["status"].clone()))
        .collect();
    assert_eq!(steps, [(json!("remediating"), json!("verified")), (json!("verified"), json!("closed"))]);
    assert_eq!(events.iter().filter(|(name, _)| name == "finding.closed").count(), 1);
    let mut ids: Vec<_> = events.iter().map(|(_, body)| body["id"].to_string()).collect();
    ids.dedup();
    assert_eq!(ids.len(), events.len());
}

#[tokio::test]
async fn a_batch_publishes_an_event_for_each_changed_finding() {
    let (api, client) = setup().await;
    api.create_finding(&client, "existing").await;
    api.probe.take_events();
    let item = |key: &str, severity: &str| json!({ "findingKey": key, "title": "SQL built from user input", "severity": severity, "sourceKind": "module_signal" });
    let items = [item("existing", "high"), item("existing", "low"), item("new", "high"), json!({})];
    let body = json!({ "findings": items, "onConflict": "update", "reason": "because a test says so" });
    api.post("/api/v1/governance/findings/batch").auth(&client).json(&body).send().await.expect(200);
    assert_eq!(take_event_names(&api), ["finding.updated", "finding.created"]);
}

#[tokio::test]
async fn a_rejected_write_publishes_no_event() {
    let (api, client) = setup().await;
    let id = api.create_finding(&client, "k").await;
    api.probe.take_events();
    let bad = json!({ "status": "verified", "reason": "because a test says so" });
    api.patch(&format!("{}/{id}", findings_path())).auth(&client).json(&bad).send().await.expect(422);
    api.post(findings_path()).auth(&client).json(&finding_body("k")).send().await.expect(409);
    assert!(take_event_names(&api).is_empty());
}
