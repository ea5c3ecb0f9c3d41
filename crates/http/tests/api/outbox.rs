//! The events for subscribers, which are stored together with the change that causes them.

use serde_json::{Value, json};

use crate::{
    support::{Client, House, finding_body, findings_path},
    transitions::finding_that_is,
};

async fn house() -> (House, Client) {
    let api = House::open().await;
    let client = api.everyone().await;
    (api, client)
}

/// Takes the names and bodies of the events that were stored since the last call.
fn told(api: &House) -> Vec<(String, Value)> {
    let events = api.watched.events();
    events.iter().map(|event| (event.name.to_owned(), serde_json::from_slice(&event.body).unwrap())).collect()
}

fn names(api: &House) -> Vec<String> {
    told(api).into_iter().map(|(name, _)| name).collect()
}

async fn patch(api: &House, client: &Client, id: &str, mut change: Value) -> Value {
    change["reason"] = json!("because a test says so");
    let path = format!("{}/{id}", findings_path());
    api.patch(&path).by(client).json(&change).send().await.expect(200).json()["finding"].clone()
}

async fn report(api: &House, client: &Client, id: &str, mut event: Value) -> Value {
    event["reason"] = json!("because a test says so");
    let path = format!("{}/{id}/events", findings_path());
    api.post(&path).by(client).json(&event).send().await.expect(201).json()["finding"].clone()
}

#[tokio::test]
async fn a_created_finding_is_told_whole() {
    let (api, client) = house().await;
    let response = api.post(findings_path()).by(&client).json(&finding_body("k")).send().await.expect(201);
    let events = told(&api);
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
async fn severity_owner_due_date_and_status_are_told_and_nothing_else() {
    let (api, client) = house().await;
    let id = api.finding(&client, "k").await;
    api.watched.events();
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
        let events = told(&api);
        assert_eq!(events.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), expected, "{change}");
        for (name, body) in events {
            assert_eq!(body["data"]["finding"], finding, "the event contains the finding as it is after the change");
            assert_eq!(body["data"].get("previousStatus").is_some(), name == "finding.status_changed");
        }
    }
}

#[tokio::test]
async fn a_status_change_tells_the_status_before() {
    let (api, client) = house().await;
    let id = api.finding(&client, "k").await;
    api.watched.events();
    patch(&api, &client, &id, json!({ "status": "remediating" })).await;
    assert_eq!(told(&api)[1].1["data"]["previousStatus"], "open");
}

#[tokio::test]
async fn events_about_a_finding_are_told_by_what_they_change() {
    let (api, client) = house().await;
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
        let id = finding_that_is(&api, from, &format!("{from}{event}").replace(' ', "")).await;
        report(&api, &client, &id, event.clone()).await;
        assert_eq!(names(&api), expected, "{event} of {from}");
    }
}

#[tokio::test]
async fn what_is_resolved_while_it_is_remediated_is_told_by_way_of_verified() {
    let (api, client) = house().await;
    let id = finding_that_is(&api, "remediating", "k").await;
    report(&api, &client, &id, json!({ "eventType": "verified_as_resolved" })).await;
    let events = told(&api);
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
async fn a_batch_tells_of_each_finding_that_changed() {
    let (api, client) = house().await;
    api.finding(&client, "existing").await;
    api.watched.events();
    let item = |key: &str, severity: &str| json!({ "findingKey": key, "title": "SQL built from user input", "severity": severity, "sourceKind": "module_signal" });
    let items = [item("existing", "high"), item("existing", "low"), item("new", "high"), json!({})];
    let body = json!({ "findings": items, "onConflict": "update", "reason": "because a test says so" });
    api.post("/api/v1/governance/findings/batch").by(&client).json(&body).send().await.expect(200);
    assert_eq!(names(&api), ["finding.updated", "finding.created"]);
}

#[tokio::test]
async fn what_was_refused_tells_nobody() {
    let (api, client) = house().await;
    let id = api.finding(&client, "k").await;
    api.watched.events();
    let bad = json!({ "status": "verified", "reason": "because a test says so" });
    api.patch(&format!("{}/{id}", findings_path())).by(&client).json(&bad).send().await.expect(422);
    api.post(findings_path()).by(&client).json(&finding_body("k")).send().await.expect(409);
    assert!(names(&api).is_empty());
}
