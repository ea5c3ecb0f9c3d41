//! The transitions between the statuses of a finding.

use findings::{Finding, Status};
use serde_json::{Value, json};

use crate::support::{Client, TestApi, findings_path};

/// The allowed transitions from each status, copied from the contract.
const ALLOWED_TRANSITIONS: [(&str, &[&str]); 8] = [
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
pub(crate) async fn store_finding_with_status(api: &TestApi, name: &str, key: &str) -> String {
    let status = status(name);
    let closed_at = status.is_resolved().then(|| api.fixture.now());
    api.store_finding(key, |finding| Finding { status, closed_at, ..finding }).await.to_string()
}

async fn set_status(api: &TestApi, client: &Client, id: &str, to: &str) -> crate::support::TestResponse {
    let body = json!({ "status": to, "reason": "because a test says so" });
    api.patch(&format!("{}/{id}", findings_path())).auth(client).json(&body).send().await
}

#[tokio::test]
async fn exactly_the_transitions_of_the_contract_are_allowed_among_all_64_pairs() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    for (from, allowed) in ALLOWED_TRANSITIONS {
        for (to, _) in ALLOWED_TRANSITIONS {
            let id = store_finding_with_status(&api, from, &format!("{from}-{to}")).await;
            let response = set_status(&api, &client, &id, to).await;
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
                let now = api.get(&format!("{}/{id}", findings_path())).auth(&client).send().await;
                assert_eq!(now.json()["finding"]["status"], from, "a refused transition changed something");
            }
        }
    }
}

#[tokio::test]
async fn the_time_of_closing_is_set_on_entering_closed_or_accepted_and_cleared_on_leaving() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let statuses = ["accepted", "closed", "open", "closed", "archived"];
    let id = store_finding_with_status(&api, "open", "k").await;
    for to in statuses {
        api.clock().tick();
        let finding = set_status(&api, &client, &id, to).await.expect(200).json()["finding"].clone();
        let expected =
            if ["accepted", "closed"].contains(&to) { json!(api.fixture.now().to_string()) } else { Value::Null };
        assert_eq!(finding["closedAt"], expected, "on entering {to}");
    }
}

#[tokio::test]
async fn other_changes_keep_the_time_of_closing() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let id = store_finding_with_status(&api, "closed", "k").await;
    let closed_at = api.fixture.now().to_string();
    api.clock().tick();
    let body = json!({ "severity": "low", "status": "closed", "reason": "because a test says so" });
    let response = api.patch(&format!("{}/{id}", findings_path())).auth(&client).json(&body).send().await.expect(200);
    assert_eq!(response.json()["finding"]["closedAt"], closed_at);
}

#[tokio::test]
async fn a_patch_with_a_forbidden_transition_changes_nothing() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let id = store_finding_with_status(&api, "open", "k").await;
    let body = json!({ "title": "Other", "status": "verified", "reason": "because a test says so" });
    api.patch(&format!("{}/{id}", findings_path())).auth(&client).json(&body).send().await.expect(422);
    let now = api.get(&format!("{}/{id}", findings_path())).auth(&client).send().await;
    assert_ne!(now.json()["finding"]["title"], "Other");
    assert_eq!(now.header("etag"), "\"r1\"");
}
