//! Which status may follow which.

use findings::{Finding, Status};
use serde_json::{Value, json};

use crate::support::{Client, House, findings_path};

/// The table of the contract, word by word.
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

pub(crate) fn status(word: &str) -> Status {
    *Status::ALL.iter().find(|status| status.name() == word).unwrap()
}

/// A finding that stands there, with the time of closing that it has then.
pub(crate) async fn finding_that_is(house: &House, word: &str, key: &str) -> String {
    let status = status(word);
    let closed_at = status.settles().then(|| house.fixture.now());
    house.stored_finding(key, |finding| Finding { status, closed_at, ..finding }).await.to_string()
}

async fn moved(house: &House, client: &Client, id: &str, to: &str) -> crate::support::Answer {
    let body = json!({ "status": to, "reason": "because a test says so" });
    house.patch(&format!("{}/{id}", findings_path())).by(client).json(&body).send().await
}

#[tokio::test]
async fn of_all_64_pairs_exactly_those_of_the_table_are_transitions() {
    let house = House::open().await;
    let client = house.everyone().await;
    for (from, allowed) in TABLE {
        for (to, _) in TABLE {
            let id = finding_that_is(&house, from, &format!("{from}-{to}")).await;
            let answer = moved(&house, &client, &id, to).await;
            if allowed.contains(&to) || from == to {
                assert_eq!(answer.expect(200).json()["finding"]["status"], to, "{from} to {to}");
            } else {
                assert_eq!(answer.status, 422, "{from} to {to}");
                let named = if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") };
                assert!(answer.message().ends_with(&format!("allowed from here: {named}")), "{}", answer.message());
                let now = house.get(&format!("{}/{id}", findings_path())).by(&client).send().await;
                assert_eq!(now.json()["finding"]["status"], from, "a refused transition changed something");
            }
        }
    }
}

#[tokio::test]
async fn the_time_of_closing_is_set_on_entering_closed_or_accepted_and_cleared_on_leaving() {
    let house = House::open().await;
    let client = house.everyone().await;
    let walk = ["accepted", "closed", "open", "closed", "archived"];
    let id = finding_that_is(&house, "open", "k").await;
    for to in walk {
        house.clock().tick();
        let finding = moved(&house, &client, &id, to).await.expect(200).json()["finding"].clone();
        let expected =
            if ["accepted", "closed"].contains(&to) { json!(house.fixture.now().to_string()) } else { Value::Null };
        assert_eq!(finding["closedAt"], expected, "on entering {to}");
    }
}

#[tokio::test]
async fn other_changes_leave_the_time_of_closing_alone() {
    let house = House::open().await;
    let client = house.everyone().await;
    let id = finding_that_is(&house, "closed", "k").await;
    let closed_at = house.fixture.now().to_string();
    house.clock().tick();
    let body = json!({ "severity": "low", "status": "closed", "reason": "because a test says so" });
    let answer = house.patch(&format!("{}/{id}", findings_path())).by(&client).json(&body).send().await.expect(200);
    assert_eq!(answer.json()["finding"]["closedAt"], closed_at);
}

#[tokio::test]
async fn a_refused_transition_takes_the_rest_of_the_change_with_it() {
    let house = House::open().await;
    let client = house.everyone().await;
    let id = finding_that_is(&house, "open", "k").await;
    let body = json!({ "title": "Other", "status": "verified", "reason": "because a test says so" });
    house.patch(&format!("{}/{id}", findings_path())).by(&client).json(&body).send().await.expect(422);
    let now = house.get(&format!("{}/{id}", findings_path())).by(&client).send().await;
    assert_ne!(now.json()["finding"]["title"], "Other");
    assert_eq!(now.header("etag"), "\"r1\"");
}
