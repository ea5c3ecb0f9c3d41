//! No organization can see any record of another one.

use kernel::Id;
use scopes::Scope;
use serde_json::json;

use crate::{
    operations::{PathParams, scoped_operations},
    support::{Client, Operation, TestApi, finding_body, findings_path},
};

/// An API with two organizations, each with an account that has every scope.
struct TwoOrganizations {
    api: TestApi,
    home_client: Client,
    other_client: Client,
    /// Path parameters with records of the other organization.
    other_params: PathParams,
}

async fn two_organizations() -> TwoOrganizations {
    let api = TestApi::open().await;
    let other_organization = api.fixture.create_organization("elsewhere").await;
    let (home_client, other_client) =
        (api.full_access_client().await, api.client(other_organization, Scope::ALL).await);
    let finding = api.create_finding(&other_client, "theirs").await;
    let registers = PathParams::filled_with("none").with_registers_of(&api, other_organization).await;
    let other_params = registers.with_finding(finding).with_webhooks_of(&api, &other_client).await;
    TwoOrganizations { api, home_client, other_client, other_params }
}

/// The operations whose path has a parameter that names no record: each organization has its own tiles.
const NAMES_NO_RECORD: [&str; 1] = ["getAuditLogTile"];

fn names_record(operation: &&'static Operation) -> bool {
    operation.path.contains('{') && !NAMES_NO_RECORD.contains(&operation.id.as_str())
}

#[tokio::test]
async fn another_organizations_record_returns_the_same_404_as_a_missing_one_after_the_same_reads() {
    let TwoOrganizations { api, home_client, other_params, .. } = two_organizations().await;
    let absent = PathParams::absent(&api);
    for operation in scoped_operations().filter(names_record) {
        let before = api.probe.read_count();
        let foreign = other_params.request(&api, operation).auth(&home_client).send().await.expect(404);
        let between = api.probe.read_count();
        let missing = absent.request(&api, operation).auth(&home_client).send().await.expect(404);
        assert_eq!(foreign.body_without_request_id(), missing.body_without_request_id(), "{}", operation.id);
        assert_eq!(
            between - before,
            api.probe.read_count() - between,
            "{} made a different number of reads",
            operation.id
        );
        assert_eq!(foreign.header("content-length"), missing.header("content-length"));
    }
}

#[tokio::test]
async fn another_organizations_record_is_accessible_to_its_own_account() {
    let TwoOrganizations { api, other_client, other_params, .. } = two_organizations().await;
    for operation in scoped_operations().filter(|operation| operation.path.contains('{')) {
        let other_client = api.client(other_client.account.meta.organization, Scope::ALL).await;
        let other_params = other_params.with_webhooks_of(&api, &other_client).await;
        let response = other_params.request(&api, operation).auth(&other_client).send().await;
        assert!(response.status < 300, "{} returned {}", operation.id, response.status);
    }
}

#[tokio::test]
async fn a_malformed_id_in_a_path_returns_404() {
    let TwoOrganizations { api, home_client, other_params, .. } = two_organizations().await;
    for operation in scoped_operations().filter(|operation| operation.path.contains('{')) {
        for id in ["x", "find_", "%ff", "%00", "svc_01KSFQX5Y800000000000000005", &other_params.finding.to_lowercase()]
        {
            let params = PathParams::filled_with(id);
            let response = params.request(&api, operation).auth(&home_client).send().await.expect(404);
            assert_eq!(response.error_code(), "not_found", "{} with {id}", operation.id);
        }
    }
}

#[tokio::test]
async fn a_missing_id_and_one_of_another_organization_in_a_body_cause_the_same_error() {
    let TwoOrganizations { api, home_client, other_params, .. } = two_organizations().await;
    let path = format!("{}/{}/events", findings_path(), api.create_finding(&home_client, "mine").await);
    let mut responses = Vec::new();
    for id in [other_params.finding.clone(), api.fixture.new_id::<findings::Finding>().to_string()] {
        let body =
            json!({ "eventType": "verified_as_duplicate", "duplicateOfFindingId": id, "reason": "because of a test" });
        let response = api.post(&path).auth(&home_client).json(&body).send().await.expect(400);
        assert_eq!(response.issue_paths(), ["duplicateOfFindingId"]);
        responses.push(response.body_without_request_id());
    }
    assert_eq!(responses[0], responses[1]);
}

#[tokio::test]
async fn lists_contain_no_record_of_another_organization_and_keys_are_unique_only_within_one() {
    let TwoOrganizations { api, home_client, other_client, .. } = two_organizations().await;
    let mine = api.post(findings_path()).auth(&home_client).json(&finding_body("theirs")).send().await.expect(201);
    let listed = api.get(findings_path()).auth(&home_client).send().await.expect(200).json();
    assert_eq!(listed["findings"], json!([mine.json()["finding"]]));
    assert_eq!(api.get("/api/v1/governance/controls").auth(&home_client).send().await.json()["controls"], json!([]));
    let entries = api.get("/api/v1/audit/entries?limit=200").auth(&home_client).send().await.expect(200).json();
    for entry in entries["entries"].as_array().unwrap() {
        assert_eq!(entry["organizationId"], api.home.to_string());
    }
    let own = api.get("/api/v1/organization").auth(&other_client).send().await.expect(200).json();
    assert_eq!(own["organization"]["slug"], "elsewhere");
}

#[tokio::test]
async fn a_token_whose_organization_is_not_that_of_its_account_is_rejected() {
    let TwoOrganizations { api, home_client, other_client, .. } = two_organizations().await;
    let claims = |organization| auth::Claims {
        account: home_client.account.meta.id,
        organization,
        scopes: home_client.account.record.scopes,
        issued_at: api.fixture.now(),
        expires_at: api.fixture.now() + std::time::Duration::from_secs(60),
        id: "1".to_owned(),
    };
    let sign = |organization| api.keys.sign(&claims(organization));
    api.get(findings_path()).bearer_auth(&sign(api.home)).send().await.expect(200);
    api.get(findings_path()).bearer_auth(&sign(other_client.account.meta.organization)).send().await.expect(401);
    api.get(findings_path()).bearer_auth(&sign(Id::new(ulid::Ulid::nil()))).send().await.expect(401);
}
