//! Lists of findings by owner and by due date.

use std::time::Duration;

use findings::{Finding, Status};
use kernel::Timestamp;
use serde_json::Value;
use store_contract::samples;

use crate::support::{Client, TestApi, findings_path};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Findings that are due on the second, the first and the second of June and never, with owners.
async fn setup() -> (TestApi, Client) {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let june: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
    for (key, due_at, member, responsibility) in [
        ("second", Some(june + DAY), Some("ann"), Some("team, one")),
        ("never", None, Some("ann"), None),
        ("first", Some(june), Some("bob"), Some("team, one")),
        ("second-too", Some(june + DAY), None, Some("team")),
    ] {
        api.store_finding(key, |finding| Finding {
            due_at,
            owner_member_user_id: member.map(samples::reference),
            owner_responsibility_id: responsibility.map(samples::reference),
            status: if key == "first" { Status::Triaged } else { Status::Open },
            ..finding
        })
        .await;
    }
    (api, client)
}

async fn page(api: &TestApi, client: &Client, query: &str) -> Value {
    api.get(&format!("{}?{query}", findings_path())).auth(client).send().await.expect(200).json()
}

/// The keys of all pages.
async fn keys(api: &TestApi, client: &Client, query: &str) -> Vec<String> {
    let (mut keys, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = page(api, client, &format!("{query}{cursor}")).await;
        let findings = page["findings"].as_array().unwrap();
        keys.extend(findings.iter().map(|finding| finding["findingKey"].as_str().unwrap().to_owned()));
        match page["pagination"]["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return keys,
        }
    }
}

#[tokio::test]
async fn findings_are_filtered_by_their_owners() {
    let (api, client) = setup().await;
    for (query, expected) in [
        ("ownerMemberUserId=ann", &["never", "second"][..]),
        ("ownerMemberUserId=ann,bob", &["first", "never", "second"]),
        ("ownerResponsibilityId=team%2C%20one", &["first", "second"]),
        ("ownerResponsibilityId=team,one", &["second-too"]),
        ("ownerResponsibilityId=team%2C+one&ownerMemberUserId=bob", &["first"]),
        ("ownerMemberUserId=nobody", &[]),
    ] {
        assert_eq!(keys(&api, &client, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn order_due_lists_the_soonest_due_date_first_and_findings_without_one_last() {
    let (api, client) = setup().await;
    for (query, expected) in [
        ("order=due", &["first", "second", "second-too", "never"][..]),
        ("order=due&status=open", &["second", "second-too", "never"]),
        ("order=due&ownerMemberUserId=ann", &["second", "never"]),
        ("order=due&dueAfter=2026-06-02", &["second", "second-too"]),
        ("order=due&dueBefore=2026-06-02", &["first"]),
        ("order=due&dueAfter=2026-06-01&dueBefore=2026-06-02T00:00:00.001Z", &["first", "second", "second-too"]),
        ("dueAfter=2026-06-02", &["second-too", "second"]),
        ("dueBefore=2026-06-02T02:00:00%2B02:00", &["first"]),
        ("dueBefore=0001-01-01", &[]),
        ("order=updated&updatedAfter=2020-01-01&dueAfter=2026-06-01", &["second", "first", "second-too"]),
    ] {
        for limit in [1, 2, 3, 50] {
            assert_eq!(keys(&api, &client, &format!("{query}&limit={limit}")).await, expected, "{query} by {limit}");
        }
        let path = format!("{}?{query}", findings_path());
        let stream = api.get(&path).auth(&client).header("accept", "application/x-ndjson").send().await.expect(200);
        let body = String::from_utf8(stream.body.to_vec()).unwrap();
        let lines: Vec<Value> = body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let streamed: Vec<_> = lines.iter().filter_map(|line| line["findingKey"].as_str()).collect();
        assert_eq!(streamed, expected, "{query}");
    }
}

#[tokio::test]
async fn a_cursor_by_due_date_is_valid_in_that_order_and_range_only() {
    let (api, client) = setup().await;
    let next =
        async |query: &str| page(&api, &client, query).await["pagination"]["nextCursor"].as_str().unwrap().to_owned();
    let dated = next("order=due&limit=1").await;
    let without = next("order=due&limit=3").await;
    let range = next("order=due&limit=1&dueAfter=2026-06-01").await;
    for query in [
        format!("cursor={dated}"),
        format!("cursor={without}"),
        format!("cursor={dated}&order=updated&updatedAfter=2020-01-01"),
        format!("cursor={dated}&order=due&dueAfter=2026-06-01"),
        format!("cursor={range}&order=due"),
        format!("cursor={range}&order=due&dueBefore=2026-06-01"),
        format!("cursor={range}&dueAfter=2026-06-01"),
    ] {
        let response = api.get(&format!("{}?{query}", findings_path())).auth(&client).send().await.expect(400);
        assert_eq!(response.error_code(), "invalid_cursor", "{query}");
    }
    let respelled = format!("cursor={range}&dueAfter=2026-06-01T00:00:00Z&order=due");
    assert_eq!(keys(&api, &client, &respelled).await, ["second", "second-too"]);
}

#[tokio::test]
async fn only_lists_of_records_with_due_dates_have_the_parameters_of_due_dates() {
    let (api, client) = setup().await;
    for (query, path) in [
        ("order=due", "query.order"),
        ("dueAfter=2026-06-01", "query.dueAfter"),
        ("dueBefore=2026-06-01", "query.dueBefore"),
    ] {
        for list in ["/api/v1/governance/controls", "/api/v1/audit/entries", "/api/v1/webhooks/subscriptions"] {
            let response = api.get(&format!("{list}?{query}")).auth(&client).send().await.expect(400);
            assert_eq!(response.issue_paths(), [path], "{list}?{query}");
        }
    }
    let response = api.get(&format!("{}?order=soonest", findings_path())).auth(&client).send().await.expect(400);
    assert_eq!(response.message(), "query.order: must be one of: updated, due");
}
