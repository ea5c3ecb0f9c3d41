//! The catalogue of event types.

use ::submissions::SubmissionPackageStatus;
use serde_json::Value;
use webhooks::EventType;

use super::setup;
use crate::{
    evidence_claims, submissions,
    support::{document, finding_body, findings_path, violations},
};

#[tokio::test]
async fn the_catalogue_lists_every_event_type_with_its_scope() {
    let (api, client) = setup().await;
    let listed = api.get("/api/v1/webhooks/event-types").auth(&client).send().await.expect(200).json();
    let listed = listed["eventTypes"].as_array().unwrap();
    let names: Vec<&str> = listed.iter().map(|event| event["name"].as_str().unwrap()).collect();
    assert_eq!(names, EventType::ALL.iter().map(|event| event.name()).collect::<Vec<_>>());
    for (event, event_type) in listed.iter().zip(EventType::ALL) {
        assert_eq!(event["readScope"], event_type.scope().name());
        assert!(!event["description"].as_str().unwrap().is_empty());
    }
}

/// A client can validate what it receives with the schema of the catalogue alone.
#[tokio::test]
async fn the_schema_of_an_event_is_self_contained_and_matches_the_sent_payload() {
    let (api, client) = setup().await;
    let listed = api.get("/api/v1/webhooks/event-types").auth(&client).send().await.expect(200).json();
    let id = api.create_finding(&client, "k").await;
    let close = serde_json::json!({ "status": "accepted", "reason": "because a test says so" });
    api.patch(&format!("{}/{id}", findings_path())).auth(&client).json(&close).send().await.expect(200);
    api.post(findings_path()).auth(&client).json(&finding_body("other")).send().await.expect(201);
    let package = submissions::store_package(&api, SubmissionPackageStatus::Ready, "k").await;
    submissions::record(&api, &client, &package, "submission", serde_json::json!({})).await.expect(201);
    let mut published = api.probe.take_events();
    published.extend(evidence_claims::events(&api));
    for event in listed["eventTypes"].as_array().unwrap() {
        let schema = &event["dataSchema"];
        assert!(!schema.to_string().contains("$ref"), "{schema}");
        let sent = published.iter().find(|candidate| event["name"] == candidate.name).unwrap();
        let body: Value = serde_json::from_slice(&sent.body).unwrap();
        assert_eq!(violations(schema, &body["data"]), Vec::<String>::new(), "{}", event["name"]);
        let described = &document()["webhooks"][sent.name]["post"]["requestBody"]["content"]["application/json"];
        assert_eq!(violations(&described["schema"], &body), Vec::<String>::new());
        assert_eq!(violations(&described["schema"], &described["example"]), Vec::<String>::new());
    }
    let status_changed =
        listed["eventTypes"].as_array().unwrap().iter().find(|event| event["name"] == "finding.status_changed");
    assert!(status_changed.unwrap()["dataSchema"]["required"].as_array().unwrap().contains(&"previousStatus".into()));
}
