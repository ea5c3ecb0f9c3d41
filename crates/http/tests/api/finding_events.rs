//! What is reported about findings.

use findings::{EventKind, Status};
use serde_json::{Value, json};

use crate::{
    support::{Answer, Client, House, findings_path},
    transitions::finding_that_is,
};

async fn house() -> (House, Client) {
    let house = House::open().await;
    let client = house.everyone().await;
    (house, client)
}

async fn report(house: &House, client: &Client, id: &str, kind: &str, more: Value) -> Answer {
    let mut body = more;
    body["eventType"] = json!(kind);
    body["reason"] = json!("because a test says so");
    house.post(&format!("{}/{id}/events", findings_path())).by(client).json(&body).send().await
}

async fn present(house: &House, client: &Client, id: &str) -> Value {
    house.get(&format!("{}/{id}", findings_path())).by(client).send().await.expect(200).json()["finding"].clone()
}

/// Where an event leads from a status, by the contract; `None` where it can't be reported.
fn leads(kind: &str, from: &str) -> Option<&'static str> {
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
async fn every_event_moves_every_status_where_the_contract_says_or_is_422() {
    let (house, client) = house().await;
    for kind in EventKind::ALL.iter().map(|kind| kind.name()) {
        for from in Status::ALL.iter().map(|status| status.name()) {
            let id = finding_that_is(&house, from, &format!("{kind}-{from}")).await;
            let more = if kind == "verified_as_duplicate" { json!({ "externalReference": "INC1" }) } else { json!({}) };
            let answer = report(&house, &client, &id, kind, more).await;
            match leads(kind, from) {
                Some(to) => {
                    let body = answer.expect(201).json();
                    assert_eq!(body["finding"]["status"], to, "{kind} of {from}");
                    assert_eq!(body["findingEvent"]["findingId"], id);
                    assert_eq!(body["finding"], present(&house, &client, &id).await);
                }
                None => {
                    assert_eq!(answer.error(), "unprocessable", "{kind} of {from} gave {}", answer.status);
                    assert_eq!(answer.status, 422);
                    assert!(answer.message().contains("allowed from: "), "{}", answer.message());
                    assert_eq!(present(&house, &client, &id).await["status"], from);
                    let listed = house.get(&format!("{}/{id}/events", findings_path())).by(&client).send().await;
                    assert_eq!(listed.json()["findingEvents"], json!([]));
                }
            }
        }
    }
}

#[tokio::test]
async fn an_event_is_kept_as_reported_and_listed_newest_first() {
    let (house, client) = house().await;
    let id = finding_that_is(&house, "open", "k").await;
    let more = json!({ "note": "seen\nby us", "externalReference": "INC1", "occurredAt": "2026-05-01T00:00:00Z" });
    let first = report(&house, &client, &id, "acknowledged", more).await.expect(201);
    assert_eq!(first.header("location"), format!("{}/{id}/events", findings_path()));
    let event = first.json()["findingEvent"].clone();
    let name = event["id"].as_str().unwrap();
    assert!(name.starts_with("findev_"));
    let now = house.fixture.now().to_string();
    assert_eq!(
        event,
        json!({
            "id": name, "findingId": id, "eventType": "acknowledged", "note": "seen\nby us", "externalReference": "INC1",
            "duplicateOfFindingId": null, "occurredAt": "2026-05-01T00:00:00.000Z", "createdAt": now, "updatedAt": now,
        })
    );
    house.clock().tick();
    let second = report(&house, &client, &id, "comment", json!({})).await.expect(201).json()["findingEvent"].clone();
    assert_eq!(second["occurredAt"], house.fixture.now().to_string(), "now, where it is not said");
    let path = format!("{}/{id}/events", findings_path());
    let listed = house.get(&path).by(&client).send().await.expect(200).json();
    assert_eq!(listed["findingEvents"], json!([second, event]));
    let page = house.get(&format!("{path}?limit=1")).by(&client).send().await.expect(200).json();
    let cursor = page["pagination"]["nextCursor"].as_str().unwrap().to_owned();
    let rest = house.get(&format!("{path}?cursor={cursor}")).by(&client).send().await.expect(200).json();
    assert_eq!(rest["findingEvents"], json!([event]));
    let other = finding_that_is(&house, "open", "other").await;
    let path = format!("{}/{other}/events", findings_path());
    assert_eq!(house.get(&path).by(&client).send().await.expect(200).json()["findingEvents"], json!([]));
    house.get(&format!("{path}?cursor={cursor}")).by(&client).send().await.expect(400);
}

#[tokio::test]
async fn a_duplicate_names_exactly_one_original() {
    let (house, client) = house().await;
    let id = finding_that_is(&house, "open", "k").await;
    let original = finding_that_is(&house, "open", "original").await;
    for more in [
        json!({}),
        json!({ "duplicateOfFindingId": original, "externalReference": "INC1" }),
        json!({ "duplicateOfFindingId": null }),
    ] {
        let answer = report(&house, &client, &id, "verified_as_duplicate", more).await.expect(400);
        assert_eq!(answer.paths(), ["duplicateOfFindingId"]);
    }
    let finding =
        report(&house, &client, &id, "verified_as_duplicate", json!({ "duplicateOfFindingId": original })).await;
    let finding = finding.expect(201).json()["finding"].clone();
    assert_eq!((&finding["status"], &finding["duplicateOfFindingId"]), (&json!("closed"), &json!(original)));
    assert_eq!(finding["closedAt"], house.fixture.now().to_string());
}

#[tokio::test]
async fn only_a_duplicate_names_an_original() {
    let (house, client) = house().await;
    let id = finding_that_is(&house, "open", "k").await;
    let original = finding_that_is(&house, "open", "original").await;
    let answer = report(&house, &client, &id, "comment", json!({ "duplicateOfFindingId": original })).await.expect(400);
    assert_eq!(answer.paths(), ["duplicateOfFindingId"]);
}

#[tokio::test]
async fn a_finding_repeats_neither_itself_nor_one_that_repeats_it_by_whatever_way() {
    let (house, client) = house().await;
    let mut ids = Vec::new();
    for key in ["a", "b", "c"] {
        ids.push(finding_that_is(&house, "open", key).await);
    }
    let repeat = async |of: usize, original: usize| {
        report(&house, &client, &ids[of], "verified_as_duplicate", json!({ "duplicateOfFindingId": ids[original] }))
            .await
    };
    assert_eq!(repeat(0, 0).await.expect(400).paths(), ["duplicateOfFindingId"]);
    repeat(0, 1).await.expect(201);
    repeat(1, 2).await.expect(201);
    assert_eq!(repeat(1, 0).await.expect(400).paths(), ["duplicateOfFindingId"]);
    assert_eq!(repeat(2, 0).await.expect(400).paths(), ["duplicateOfFindingId"]);
    report(&house, &client, &ids[1], "reopened", json!({})).await.expect(201);
    // a repeats b still, which repeats nothing any more: so c may repeat a.
    repeat(2, 0).await.expect(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_reports_at_once_make_no_circle_of_duplicates() {
    for round in 0..20 {
        let (house, client) = house().await;
        let one = finding_that_is(&house, "open", "one").await;
        let two = finding_that_is(&house, "open", "two").await;
        let send = |of: &str, original: &str| {
            let body = json!({ "eventType": "verified_as_duplicate", "duplicateOfFindingId": original, "reason": "because of a test" });
            tokio::spawn(house.post(&format!("{}/{of}/events", findings_path())).by(&client).json(&body).send())
        };
        let (first, second) = (send(&one, &two), send(&two, &one));
        let mut statuses = [first.await.unwrap().status, second.await.unwrap().status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 400], "round {round}");
    }
}

#[tokio::test]
async fn a_closed_finding_can_be_told_a_duplicate_and_stays_closed_since_when_it_was() {
    let (house, client) = house().await;
    let id = finding_that_is(&house, "closed", "k").await;
    let closed_at = house.fixture.now().to_string();
    let original = finding_that_is(&house, "open", "original").await;
    house.clock().tick();
    let answer =
        report(&house, &client, &id, "verified_as_duplicate", json!({ "duplicateOfFindingId": original })).await;
    let finding = answer.expect(201).json()["finding"].clone();
    assert_eq!((&finding["duplicateOfFindingId"], &finding["closedAt"]), (&json!(original), &json!(closed_at)));
    let reopened = report(&house, &client, &id, "reopened", json!({})).await.expect(201).json()["finding"].clone();
    assert_eq!((&reopened["duplicateOfFindingId"], &reopened["closedAt"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn a_comment_leaves_the_finding_at_its_revision() {
    let (house, client) = house().await;
    let id = finding_that_is(&house, "open", "k").await;
    let before = present(&house, &client, &id).await;
    house.clock().tick();
    report(&house, &client, &id, "comment", json!({ "note": "" })).await.expect(201);
    assert_eq!(present(&house, &client, &id).await, before);
}

#[tokio::test]
async fn every_fault_of_an_event_is_told_at_once() {
    let (house, client) = house().await;
    let id = finding_that_is(&house, "open", "k").await;
    let body =
        json!({ "eventType": "closed", "note": 7, "occurredAt": "now", "duplicateOfFindingId": "find_1", "what": 1 });
    let answer =
        house.post(&format!("{}/{id}/events", findings_path())).by(&client).json(&body).send().await.expect(400);
    let mut paths = answer.paths();
    paths.sort_unstable();
    assert_eq!(paths, ["duplicateOfFindingId", "eventType", "note", "occurredAt", "reason", "what"]);
    assert!(answer.issue("eventType").contains("acknowledged, remediation_reported"));
}
