//! Every request is recorded exactly once in the audit log.

use audit::StoredEntry;
use kernel::OrganizationId;
use scopes::Scope;
use serde_json::json;

use crate::{
    operations::{PathParams, scoped_operations, with_query},
    support::{Client, TestApi, TestResponse, finding_body, findings_path},
};

/// The entries that the request with this response left in the audit log of the organization.
async fn entries_of(api: &TestApi, organization: OrganizationId, response: &TestResponse) -> Vec<StoredEntry> {
    let id = response.header("x-request-id");
    let log = api.audit_log(organization).await;
    log.into_iter().filter(|recorded| recorded.entry.origin.request_id.to_string() == id).collect()
}

/// Returns the only entry of a request, after a check of the fields that every entry has.
async fn checked_entry_of(
    api: &TestApi,
    client: &Client,
    response: &TestResponse,
    method: &str,
    route: &str,
) -> StoredEntry {
    let mut entries = entries_of(api, client.account.meta.organization, response).await;
    assert_eq!(entries.len(), 1, "{method} {route} left {} entries", entries.len());
    let recorded = entries.remove(0);
    let entry = &recorded.entry;
    assert_eq!(entry.actor.id.as_deref(), Some(client.id().as_str()));
    assert_eq!(&*entry.actor.name, client.account.record.name.as_str());
    assert_eq!(entry.origin.method.as_deref(), Some(method));
    assert_eq!(entry.origin.route.as_deref(), Some(route));
    assert_eq!(entry.origin.source_address.as_deref(), Some("192.0.2.7"));
    assert_eq!(entry.origin.user_agent.as_deref(), Some("tests/1.0"));
    assert_eq!(entry.status, Some(response.status));
    recorded
}

/// The operations that leave an entry for each record that they change, besides the one of the request.
const CHANGE_SEVERAL_RECORDS: [&str; 2] = ["batchFindings", "createEvidenceClaim"];

#[tokio::test]
async fn every_operation_leaves_one_entry_when_it_succeeds() {
    for operation in scoped_operations().filter(|operation| !CHANGE_SEVERAL_RECORDS.contains(&operation.id.as_str())) {
        let api = TestApi::open().await;
        let client = api.full_access_client().await;
        let params = PathParams::create_records(&api, &client).await;
        let response = params.request(&api, operation).auth(&client).send().await;
        assert!(response.status < 300);
        let entry = checked_entry_of(&api, &client, &response, &operation.method, &operation.path).await.entry;
        assert!(!entry.action.as_str().ends_with(".refused"), "{}", entry.action);
        assert_eq!(entry.reason.is_some(), operation.is_write(), "{}", operation.id);
        if operation.is_write() {
            assert_eq!(entry.reason.as_ref().map(|reason| reason.as_str()), operation.reason_example().as_str());
        }
        if operation.path.contains('{') {
            let subject = entry.subject.unwrap();
            assert!(
                params.path(operation).contains(&subject.id),
                "the entry of {} has the subject {subject:?}",
                operation.id
            );
        }
    }
}

#[tokio::test]
async fn every_operation_leaves_one_entry_when_it_is_refused() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let params = PathParams::create_records(&api, &client).await;
    for operation in scoped_operations() {
        let other_scope = *Scope::ALL.iter().find(|scope| Some(**scope) != operation.scope).unwrap();
        let unprivileged = api.client(api.home, &[other_scope]).await;
        let bad = api.request(&operation.method, &with_query(&params.path(operation), "nonsense=1"));
        let response = bad.auth(&client).send().await.expect(400);
        let entry = checked_entry_of(&api, &client, &response, &operation.method, &operation.path).await.entry;
        assert!(entry.action.as_str().ends_with(".refused"), "{}", entry.action);

        let response = params.request(&api, operation).auth(&unprivileged).send().await.expect(403);
        checked_entry_of(&api, &unprivileged, &response, &operation.method, &operation.path).await;
    }
}

#[tokio::test]
async fn requests_with_a_disabled_account_or_an_expired_token_are_logged_for_their_organization() {
    let api = TestApi::open().await;
    let (disabled, client) = (api.full_access_client().await, api.full_access_client().await);
    api.disable(&disabled).await;
    let response = api.get(findings_path()).auth(&disabled).send().await.expect(401);
    checked_entry_of(&api, &disabled, &response, "GET", findings_path()).await;
    api.clock().advance(std::time::Duration::from_secs(900));
    let response = api.get(findings_path()).auth(&client).send().await.expect(401);
    checked_entry_of(&api, &client, &response, "GET", findings_path()).await;
}

#[tokio::test]
async fn requests_without_a_valid_account_are_logged_for_the_installation() {
    let api = TestApi::open().await;
    let anonymous_responses = [
        api.get(findings_path()).send().await.expect(401),
        api.get(findings_path()).bearer_auth("nonsense").source_address("198.51.100.9:1").send().await.expect(401),
        api.get("/api/v1/nowhere").send().await.expect(404),
        api.request("DELETE", findings_path()).send().await.expect(405),
        api.post("/api/v1/auth/token").json(&json!({})).send().await.expect(400),
        api.get("/api/v1/openapi.json").send().await.expect(200),
    ];
    for response in anonymous_responses {
        let entries = entries_of(&api, OrganizationId::INSTALLATION, &response).await;
        assert_eq!(entries.len(), 1, "{response:?}");
        assert_eq!(entries[0].entry.actor.id, None);
        assert_eq!(entries[0].entry.status, Some(response.status));
    }
}

#[tokio::test]
async fn an_authenticated_request_to_an_unknown_route_is_logged_with_its_account_and_without_its_query() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let response = api.get("/api/v1/nowhere?secret=1").auth(&client).send().await.expect(404);
    checked_entry_of(&api, &client, &response, "GET", "/api/v1/nowhere").await;
    let response = api.request("DELETE", findings_path()).auth(&client).send().await.expect(405);
    checked_entry_of(&api, &client, &response, "DELETE", findings_path()).await;
}

#[tokio::test]
async fn token_requests_of_an_existing_account_are_logged_for_its_organization() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let issued = api.request_token(&client).await.expect(200);
    let entry = checked_entry_of(&api, &client, &issued, "POST", "/api/v1/auth/token").await.entry;
    assert_eq!(entry.action.as_str(), "token.issued");
    assert_eq!(entry.reason, None);
    let wrong = Client { secret: "nvsec_wrong".to_owned(), ..client.clone() };
    let refused = api.request_token(&wrong).await.expect(401);
    let entry = checked_entry_of(&api, &client, &refused, "POST", "/api/v1/auth/token").await.entry;
    assert_eq!(entry.action.as_str(), "token.issued.refused");
}

#[tokio::test]
async fn the_entry_of_a_write_holds_each_changed_field_with_its_old_and_new_value() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let id = api.create_finding(&client, "k").await;
    let path = format!("{}/{id}", findings_path());
    let body = json!({ "severity": "low", "dueAt": "2026-07-01T00:00:00Z", "reason": "because of a test" });
    let response = api.patch(&path).auth(&client).json(&body).send().await.expect(200);
    let listed = api.get("/api/v1/audit/entries?action=finding.updated").auth(&client).send().await.expect(200).json();
    let entry = &listed["entries"][0];
    assert_eq!(entry["requestId"], response.header("x-request-id"));
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
async fn a_batch_leaves_one_entry_for_the_request_and_one_for_each_changed_record() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let mut existing = finding_body("existing");
    existing.as_object_mut().unwrap().remove("reason");
    let mut changed = existing.clone();
    changed["title"] = json!("Another title");
    changed["findingKey"] = json!("changed");
    api.create_finding(&client, "existing").await;
    api.create_finding(&client, "changed").await;
    let mut new = existing.clone();
    new["findingKey"] = json!("new");
    let body =
        json!({ "findings": [existing, changed, new, {}], "onConflict": "update", "reason": "because of a test" });
    let response = api.post("/api/v1/governance/findings/batch").auth(&client).json(&body).send().await.expect(200);
    let entries = entries_of(&api, api.home, &response).await;
    let actions: Vec<_> = entries.iter().map(|recorded| recorded.entry.action.to_string()).collect();
    assert_eq!(actions, ["finding.batch_written", "finding.updated", "finding.created"]);
    assert!(entries.iter().all(|recorded| recorded.entry.status == Some(200) && recorded.entry.reason.is_some()));
}

#[tokio::test]
async fn a_replay_is_logged_as_a_replay() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let call = api.post(findings_path()).auth(&client).json(&finding_body("k")).idempotency_key("once");
    call.clone().send().await.expect(201);
    let again = call.send().await.expect(201);
    assert!(again.is_replayed());
    let entry = checked_entry_of(&api, &client, &again, "POST", findings_path()).await.entry;
    assert_eq!(entry.action.as_str(), "finding.created.replayed");
    assert_eq!(entry.changes, []);
}

#[tokio::test]
async fn a_request_whose_audit_entry_cannot_be_stored_fails_with_503() {
    use crate::support::{Call, Fault};
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    api.probe.fail(Call::Append, Fault::Unavailable);
    let response = api.get(findings_path()).auth(&client).send().await.expect(503);
    assert_eq!(response.error_code(), "internal");
    assert!(!response.header("retry-after").is_empty());
    api.probe.clear_faults();
    api.get(findings_path()).auth(&client).send().await.expect(200);
}

#[tokio::test]
async fn flushing_the_api_stores_its_buffered_entries() {
    let api =
        TestApi::with_settings(http_api::ApiSettings { durable_read_audit: false, ..http_api::ApiSettings::default() })
            .await;
    let client = api.full_access_client().await;
    for _ in 0..20 {
        api.get(findings_path()).auth(&client).send().await.expect(200);
    }
    api.app.flush().await.unwrap();
    let listed = async || {
        let log = api.audit_log(api.home).await;
        log.iter().filter(|recorded| recorded.entry.action.as_str() == "finding.listed").count()
    };
    assert_eq!(listed().await, 20);
    api.get(findings_path()).auth(&client).send().await.expect(200);
    assert_eq!(listed().await, 21, "entries after the flush are stored immediately");
}

#[tokio::test]
async fn audit_entries_can_be_filtered_by_action_actor_subject_and_time() {
    let api = TestApi::open().await;
    let (one, two) = (api.full_access_client().await, api.full_access_client().await);
    let id = api.create_finding(&one, "k").await;
    api.clock().tick();
    let since = api.fixture.now();
    api.get(&format!("{}/{id}", findings_path())).auth(&two).send().await.expect(200);
    let found = async |query: &str| {
        let path = format!("/api/v1/audit/entries?{query}");
        let entries = api.get(&path).auth(&one).send().await.expect(200).json()["entries"].as_array().unwrap().clone();
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
