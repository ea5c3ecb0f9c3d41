//! The transitions between the statuses of a finding.

use findings::{Finding, Status};
use serde_json::{Value, json};

use crate::support::{Client, House, findings_path};

/// The allowed transitions from each status, copied from the contract.
const TABLE: [(&str, &[&str]); 8] = [
    ("open", &["triaged", "remediation_planned", "remediating", "accepted", "closed"]),
    ("triaged", &["remediation_planned", "remediating", "accepted", "closed"]),
    ("remediation_planned", &["remediating", "accepted", "closed"]),
    ("remediating", &["remediation_planned", "verified", "accepted"]),
    ("verified", &["closed", "remediating"]),
    ("accepted", &["open", "closed", "archived"]),
    ("closed", &["open", "archived"]),
    ("archived", &[]),
];

pub(crate) fn status(name: &str) -> Status {
    *Status::ALL.iter().find(|status| status.name() == name).unwrap()
}

/// Stores a finding with this status and the time of closing that belongs to it.
pub(crate) async fn finding_that_is(api: &House, name: &str, key: &str) -> String {
    let status = status(name);
    let closed_at = status.is_resolved().then(|| api.fixture.now());
    api.stored_finding(key, |finding| Finding { status, closed_at, ..finding }).await.to_string()
}

async fn moved(api: &House, client: &Client, id: &str, to: &str) -> crate::support::Answer {
    let body = json!({ "status": to, "reason": "because a test says so" });
    api.patch(&format!("{}/{id}", findings_path())).by(client).json(&body).send().await
}

#[tokio::test]
async fn of_all_64_pairs_exactly_those_of_the_table_are_transitions() {
    let api = House::open().await;
    let client = api.everyone().await;
    for (from, allowed) in TABLE {
        for (to, _) in TABLE {
            let id = finding_that_is(&api, from, &format!("{from}-{to}")).await;
            let response = moved(&api, &client, &id, to).await;
            if allowed.contains(&to) || from == to {
                assert_eq!(response.expect(200).json()["finding"]["status"], to, "{from} to {to}");
            } else {
                assert_eq!(response.status, 422, "{from} to {to}");
                let listed = if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") };
                assert!(
                    response.message().ends_with(&format!("allowed from here: {listed}")),
                    "{}",
                    response.message()
                );
                let now = api.get(&format!("{}/{id}", findings_path())).by(&client).send().await;
                assert_eq!(now.json()["finding"]["status"], from, "a refused transition changed something");
            }
        }
    }
}

#[tokio::test]
async fn the_time_of_closing_is_set_on_entering_closed_or_accepted_and_cleared_on_leaving() {
    let api = House::open().await;
    let client = api.everyone().await;
    let statuses = ["accepted", "closed", "open", "closed", "archived"];
    let id = finding_that_is(&api, "open", "k").await;
    for to in statuses {
        api.clock().tick();
        let finding = moved(&api, &client, &id, to).await.expect(200).json()["finding"].clone();
        let expected =
            if ["accepted", "closed"].contains(&to) { json!(api.fixture.now().to_string()) } else { Value::Null };
        assert_eq!(finding["closedAt"], expected, "on entering {to}");
    }
}

#[tokio::test]
async fn other_changes_leave_the_time_of_closing_alone() {
    let api = House::open().await;
    let client = api.everyone().await;
    let id = finding_that_is(&api, "closed", "k").await;
    let closed_at = api.fixture.now().to_string();
    api.clock().tick();
    let body = json!({ "severity": "low", "status": "closed", "reason": "because a test says so" });
    let response = api.patch(&format!("{}/{id}", findings_path())).by(&client).json(&body).send().await.expect(200);
    assert_eq!(response.json()["finding"]["closedAt"], closed_at);
}

#[tokio::test]
async fn a_refused_transition_takes_the_rest_of_the_change_with_it() {
    let api = House::open().await;
    let client = api.everyone().await;
    let id = finding_that_is(&api, "open", "k").await;
    let body = json!({ "title": "Other", "status": "verified", "reason": "because a test says so" });
    api.patch(&format!("{}/{id}", findings_path())).by(&client).json(&body).send().await.expect(422);
    let now = api.get(&format!("{}/{id}", findings_path())).by(&client).send().await;
    assert_ne!(now.json()["finding"]["title"], "Other");
    assert_eq!(now.header("etag"), "\"r1\"");
}
