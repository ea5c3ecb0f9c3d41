//! No organization can see any record of another one.

use kernel::Id;
use scopes::Scope;
use serde_json::json;

use crate::{
    operations::{Places, scoped},
    support::{Client, House, finding_body, findings_path},
};

/// An API with two organizations, each with an account that has every scope.
struct Neighbours {
    house: House,
    at_home: Client,
    abroad: Client,
    /// Path parameters with records of the other organization.
    theirs: Places,
}

async fn neighbours() -> Neighbours {
    let api = House::open().await;
    let other_organization = api.fixture.organization("elsewhere").await;
    let (home_client, other_client) = (api.everyone().await, api.client(other_organization, Scope::ALL).await);
    let control = api.stored_control(other_organization, "CTL-9").await.to_string();
    let finding = api.finding(&other_client, "theirs").await;
    let other_params = Places::all_being(&control).with_finding(finding).owned_by(&api, &other_client).await;
    Neighbours { house: api, at_home: home_client, abroad: other_client, theirs: other_params }
}

#[tokio::test]
async fn another_organizations_record_is_a_404_like_an_absent_one_byte_for_byte_and_read_for_read() {
    let Neighbours { house: api, at_home: home_client, theirs: other_params, .. } = neighbours().await;
    let absent = Places {
        control: api.fixture.id::<registers::Control>().to_string(),
        finding: api.fixture.id::<findings::Finding>().to_string(),
        subscription: api.fixture.id::<webhooks::WebhookSubscription>().to_string(),
        delivery: api.fixture.id::<webhooks::WebhookDelivery>().to_string(),
    };
    for operation in scoped().filter(|operation| operation.path.contains('{')) {
        let before = api.watched.reads();
        let foreign = other_params.call(&api, operation).by(&home_client).send().await.expect(404);
        let between = api.watched.reads();
        let missing = absent.call(&api, operation).by(&home_client).send().await.expect(404);
        assert_eq!(foreign.anonymous(), missing.anonymous(), "{}", operation.id);
        assert_eq!(
            between - before,
            api.watched.reads() - between,
            "{} made a different number of reads",
            operation.id
        );
        assert_eq!(foreign.header("content-length"), missing.header("content-length"));
    }
}

#[tokio::test]
async fn another_organizations_record_is_there_for_its_own_account() {
    let Neighbours { house: api, abroad: other_client, theirs: other_params, .. } = neighbours().await;
    for operation in scoped().filter(|operation| operation.path.contains('{')) {
        let other_client = api.client(other_client.account.meta.organization, Scope::ALL).await;
        let other_params = other_params.owned_by(&api, &other_client).await;
        let response = other_params.call(&api, operation).by(&other_client).send().await;
        assert!(response.status < 300, "{} returned {}", operation.id, response.status);
    }
}

#[tokio::test]
async fn a_malformed_id_in_a_path_is_a_404_too() {
    let Neighbours { house: api, at_home: home_client, theirs: other_params, .. } = neighbours().await;
    for operation in scoped().filter(|operation| operation.path.contains('{')) {
        for id in ["x", "find_", "%ff", "%00", "svc_01KSFQX5Y800000000000000005", &other_params.finding.to_lowercase()]
        {
            let params = Places::all_being(id);
            let response = params.call(&api, operation).by(&home_client).send().await.expect(404);
            assert_eq!(response.error(), "not_found", "{} with {id}", operation.id);
        }
    }
}

#[tokio::test]
async fn an_id_in_a_body_that_is_absent_or_anothers_is_a_fault_of_its_path_both_alike() {
    let Neighbours { house: api, at_home: home_client, theirs: other_params, .. } = neighbours().await;
    let path = format!("{}/{}/events", findings_path(), api.finding(&home_client, "mine").await);
    let mut responses = Vec::new();
    for id in [other_params.finding.clone(), api.fixture.id::<findings::Finding>().to_string()] {
        let body =
            json!({ "eventType": "verified_as_duplicate", "duplicateOfFindingId": id, "reason": "because of a test" });
        let response = api.post(&path).by(&home_client).json(&body).send().await.expect(400);
        assert_eq!(response.paths(), ["duplicateOfFindingId"]);
        responses.push(response.anonymous());
    }
    assert_eq!(responses[0], responses[1]);
}

#[tokio::test]
async fn lists_hold_nothing_of_another_organization_and_keys_are_free_in_each() {
    let Neighbours { house: api, at_home: home_client, abroad: other_client, .. } = neighbours().await;
    let mine = api.post(findings_path()).by(&home_client).json(&finding_body("theirs")).send().await.expect(201);
    let listed = api.get(findings_path()).by(&home_client).send().await.expect(200).json();
    assert_eq!(listed["findings"], json!([mine.json()["finding"]]));
    assert_eq!(api.get("/api/v1/governance/controls").by(&home_client).send().await.json()["controls"], json!([]));
    let entries = api.get("/api/v1/audit/entries?limit=200").by(&home_client).send().await.expect(200).json();
    for entry in entries["entries"].as_array().unwrap() {
        assert_eq!(entry["organizationId"], api.home.to_string());
    }
    let own = api.get("/api/v1/organization").by(&other_client).send().await.expect(200).json();
    assert_eq!(own["organization"]["slug"], "elsewhere");
}

#[tokio::test]
async fn a_token_whose_organization_is_not_its_accounts_admits_nobody() {
    let Neighbours { house: api, at_home: home_client, abroad: other_client, .. } = neighbours().await;
    let claims = |organization| auth::Claims {
        account: home_client.account.meta.id,
        organization,
        scopes: home_client.account.record.scopes,
        issued_at: api.fixture.now(),
        expires_at: api.fixture.now() + std::time::Duration::from_secs(60),
        id: "1".to_owned(),
    };
    let sign = |organization| api.keys.sign(&claims(organization));
    api.get(findings_path()).bearer(&sign(api.home)).send().await.expect(200);
    api.get(findings_path()).bearer(&sign(other_client.account.meta.organization)).send().await.expect(401);
    api.get(findings_path()).bearer(&sign(Id::new(ulid::Ulid::nil()))).send().await.expect(401);
}
