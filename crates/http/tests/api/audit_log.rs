//! Every call stands in the audit log, once.

use audit::Recorded;
use kernel::{Organization, OrganizationId};
use scopes::Scope;
use serde_json::json;

use crate::{
    operations::{Places, scoped},
    support::{Answer, Client, House, finding_body, findings_path},
};

/// The entries of the log that the call with this answer left.
async fn entries_of(house: &House, organization: OrganizationId, answer: &Answer) -> Vec<Recorded> {
    let id = answer.header("x-request-id");
    let log = house.log(organization).await;
    log.into_iter().filter(|recorded| recorded.entry.origin.request_id.to_string() == id).collect()
}

/// The one entry of a call, held to what every entry of a call says.
async fn entry_of(house: &House, client: &Client, answer: &Answer, method: &str, route: &str) -> Recorded {
    let mut entries = entries_of(house, client.account.meta.organization, answer).await;
    assert_eq!(entries.len(), 1, "{method} {route} left {} entries", entries.len());
    let recorded = entries.remove(0);
    let entry = &recorded.entry;
    assert_eq!(entry.actor.id.as_deref(), Some(client.id().as_str()));
    assert_eq!(&*entry.actor.name, client.account.record.name.as_str());
    assert_eq!(entry.origin.method.as_deref(), Some(method));
    assert_eq!(entry.origin.route.as_deref(), Some(route));
    assert_eq!(entry.origin.source_address.as_deref(), Some("192.0.2.7"));
    assert_eq!(entry.origin.user_agent.as_deref(), Some("tests/1.0"));
    assert_eq!(entry.status, Some(answer.status));
    recorded
}

#[tokio::test]
async fn every_operation_leaves_one_entry_when_it_succeeds() {
    for operation in scoped().filter(|operation| operation.id != "batchFindings") {
        let house = House::open().await;
        let client = house.everyone().await;
        let places = Places::in_house(&house, &client).await;
        let answer = places.call(&house, operation).by(&client).send().await;
        assert!(answer.status < 300);
        let entry = entry_of(&house, &client, &answer, &operation.method, &operation.path).await.entry;
        assert!(!entry.action.as_str().ends_with(".refused"), "{}", entry.action);
        assert_eq!(entry.reason.is_some(), operation.is_write(), "{}", operation.id);
        if operation.is_write() {
            assert_eq!(entry.reason.as_ref().map(|reason| reason.as_str()), operation.reason().as_str());
        }
        if operation.path.contains('{') {
            let subject = entry.subject.unwrap();
            assert!(places.path(operation).contains(&subject.id), "{} is about {subject:?}", operation.id);
        }
    }
}

#[tokio::test]
async fn every_operation_leaves_one_entry_when_it_is_refused() {
    let house = House::open().await;
    let client = house.everyone().await;
    let powerless = house.client(house.home, &[Scope::RisksRead]).await;
    let places = Places::in_house(&house, &client).await;
    for operation in scoped() {
        let bad = house.call(&operation.method, &format!("{}?nonsense=1", places.path(operation)));
        let answer = bad.by(&client).send().await.expect(400);
        let entry = entry_of(&house, &client, &answer, &operation.method, &operation.path).await.entry;
        assert!(entry.action.as_str().ends_with(".refused"), "{}", entry.action);

        let answer = places.call(&house, operation).by(&powerless).send().await.expect(403);
        entry_of(&house, &powerless, &answer, &operation.method, &operation.path).await;
    }
}

#[tokio::test]
async fn a_disabled_account_and_an_expired_token_stand_in_the_log_of_their_organization() {
    let house = House::open().await;
    let (disabled, client) = (house.everyone().await, house.everyone().await);
    house.disable(&disabled).await;
    let answer = house.get(findings_path()).by(&disabled).send().await.expect(401);
    entry_of(&house, &disabled, &answer, "GET", findings_path()).await;
    house.clock().advance(std::time::Duration::from_secs(900));
    let answer = house.get(findings_path()).by(&client).send().await.expect(401);
    entry_of(&house, &client, &answer, "GET", findings_path()).await;
}

#[tokio::test]
async fn calls_that_name_no_known_account_stand_in_the_installations_log() {
    let house = House::open().await;
    let strangers = [
        house.get(findings_path()).send().await.expect(401),
        house.get(findings_path()).bearer("nonsense").send().await.expect(401),
        house.get("/api/v1/nowhere").send().await.expect(404),
        house.call("DELETE", findings_path()).send().await.expect(405),
        house.post("/api/v1/auth/token").json(&json!({})).send().await.expect(400),
        house.get("/api/v1/openapi.json").send().await.expect(200),
    ];
    for answer in strangers {
        let entries = entries_of(&house, Organization::installation(), &answer).await;
        assert_eq!(entries.len(), 1, "{answer:?}");
        assert_eq!(entries[0].entry.actor.id, None);
        assert_eq!(entries[0].entry.status, Some(answer.status));
    }
}

#[tokio::test]
async fn a_known_caller_who_strays_is_named_and_the_path_is_kept_without_its_query() {
    let house = House::open().await;
    let client = house.everyone().await;
    let answer = house.get("/api/v1/nowhere?secret=1").by(&client).send().await.expect(404);
    entry_of(&house, &client, &answer, "GET", "/api/v1/nowhere").await;
    let answer = house.call("DELETE", findings_path()).by(&client).send().await.expect(405);
    entry_of(&house, &client, &answer, "DELETE", findings_path()).await;
}

#[tokio::test]
async fn token_calls_of_a_known_account_stand_in_its_organizations_log() {
    let house = House::open().await;
    let client = house.everyone().await;
    let issued = house.ask_token(&client).await.expect(200);
    let entry = entry_of(&house, &client, &issued, "POST", "/api/v1/auth/token").await.entry;
    assert_eq!(entry.action.as_str(), "token.issued");
    assert_eq!(entry.reason, None);
    let wrong = Client { secret: "nvsec_wrong".to_owned(), ..client.clone() };
    let refused = house.ask_token(&wrong).await.expect(401);
    let entry = entry_of(&house, &client, &refused, "POST", "/api/v1/auth/token").await.entry;
    assert_eq!(entry.action.as_str(), "token.issued.refused");
}

#[tokio::test]
async fn a_write_says_what_changed_from_what_to_what() {
    let house = House::open().await;
    let client = house.everyone().await;
    let id = house.finding(&client, "k").await;
    let path = format!("{}/{id}", findings_path());
    let body = json!({ "severity": "low", "dueAt": "2026-07-01T00:00:00Z", "reason": "because of a test" });
    let answer = house.patch(&path).by(&client).json(&body).send().await.expect(200);
    let listed = house.get("/api/v1/audit/entries?action=finding.updated").by(&client).send().await.expect(200).json();
    let entry = &listed["entries"][0];
    assert_eq!(entry["requestId"], answer.header("x-request-id"));
    assert_eq!(
        entry["changes"],
        json!([
            { "field": "severity", "before": "high", "after": "low" },
            { "field": "dueAt", "before": null, "after": "2026-07-01T00:00:00.000Z" },
        ])
    );
    assert_eq!(entry["subject"], json!({ "type": "finding", "id": id }));
}

#[tokio::test]
async fn a_batch_leaves_one_entry_for_the_call_and_one_for_each_record_that_changed() {
    let house = House::open().await;
    let client = house.everyone().await;
    let mut there = finding_body("there");
    there.as_object_mut().unwrap().remove("reason");
    let mut changed = there.clone();
    changed["title"] = json!("Another title");
    changed["findingKey"] = json!("changed");
    house.finding(&client, "there").await;
    house.finding(&client, "changed").await;
    let mut new = there.clone();
    new["findingKey"] = json!("new");
    let body = json!({ "findings": [there, changed, new, {}], "onConflict": "update", "reason": "because of a test" });
    let answer = house.post("/api/v1/governance/findings/batch").by(&client).json(&body).send().await.expect(200);
    let entries = entries_of(&house, house.home, &answer).await;
    let actions: Vec<_> = entries.iter().map(|recorded| recorded.entry.action.to_string()).collect();
    assert_eq!(actions, ["finding.batch_written", "finding.updated", "finding.created"]);
    assert!(entries.iter().all(|recorded| recorded.entry.status == Some(200) && recorded.entry.reason.is_some()));
}

#[tokio::test]
async fn a_replay_is_on_record_as_one() {
    let house = House::open().await;
    let client = house.everyone().await;
    let call = house.post(findings_path()).by(&client).json(&finding_body("k")).key("once");
    call.clone().send().await.expect(201);
    let again = call.send().await.expect(201);
    assert!(again.is_replayed());
    let entry = entry_of(&house, &client, &again, "POST", findings_path()).await.entry;
    assert_eq!(entry.action.as_str(), "finding.created.replayed");
    assert_eq!(entry.changes, []);
}

#[tokio::test]
async fn a_call_that_can_not_be_put_on_record_is_not_answered() {
    use crate::support::{Fault, Port};
    let house = House::open().await;
    let client = house.everyone().await;
    house.watched.fail(Port::Append, Fault::Unavailable);
    let answer = house.get(findings_path()).by(&client).send().await.expect(503);
    assert_eq!(answer.error(), "internal");
    assert!(!answer.header("retry-after").is_empty());
    house.watched.heal();
    house.get(findings_path()).by(&client).send().await.expect(200);
}

#[tokio::test]
async fn buffered_entries_are_stored_by_the_time_the_api_was_flushed() {
    let house = House::with(api::ApiSettings { durable_read_audit: false, ..api::ApiSettings::default() }).await;
    let client = house.everyone().await;
    for _ in 0..20 {
        house.get(findings_path()).by(&client).send().await.expect(200);
    }
    house.app.flush().await.unwrap();
    let listed = async || {
        let log = house.log(house.home).await;
        log.iter().filter(|recorded| recorded.entry.action.as_str() == "finding.listed").count()
    };
    assert_eq!(listed().await, 20);
    house.get(findings_path()).by(&client).send().await.expect(200);
    assert_eq!(listed().await, 21, "after the flush entries are stored as they come");
}

#[tokio::test]
async fn entries_are_found_by_action_actor_subject_and_time() {
    let house = House::open().await;
    let (one, two) = (house.everyone().await, house.everyone().await);
    let id = house.finding(&one, "k").await;
    house.clock().tick();
    let since = house.fixture.now();
    house.get(&format!("{}/{id}", findings_path())).by(&two).send().await.expect(200);
    let found = async |query: &str| {
        let path = format!("/api/v1/audit/entries?{query}");
        let entries = house.get(&path).by(&one).send().await.expect(200).json()["entries"].as_array().unwrap().clone();
        entries.iter().map(|entry| entry["action"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found(&format!("subjectId={id}")).await, ["finding.read", "finding.created"]);
    assert_eq!(
        found(&format!("subjectId={id}&order=updated&updatedAfter=2020-01-01")).await,
        ["finding.created", "finding.read"]
    );
    assert_eq!(found(&format!("subjectId={id}&actorId={}", two.id())).await, ["finding.read"]);
    assert_eq!(
        found(&format!("action=finding.read,token.issued&actorId={}", two.id())).await,
        ["finding.read", "token.issued"]
    );
    assert_eq!(found(&format!("subjectId={id}&createdAfter={since}")).await, ["finding.read"]);
    assert_eq!(found(&format!("subjectId={id}&createdBefore={since}")).await, ["finding.created"]);
    assert_eq!(found("action=nonsense").await, Vec::<String>::new());
}
