//! One organization sees nothing of another.

use kernel::Id;
use scopes::Scope;
use serde_json::json;

use crate::{
    operations::{Places, scoped},
    support::{Client, House, finding_body, findings_path},
};

struct Neighbours {
    house: House,
    at_home: Client,
    abroad: Client,
    /// Records of the other organization.
    theirs: Places,
}

async fn neighbours() -> Neighbours {
    let house = House::open().await;
    let elsewhere = house.fixture.organization("elsewhere").await;
    let (at_home, abroad) = (house.everyone().await, house.client(elsewhere, Scope::ALL).await);
    let control = house.stored_control(elsewhere, "CTL-9").await.to_string();
    let finding = house.finding(&abroad, "theirs").await;
    let theirs = Places::all_being(&control).with_finding(finding).owned_by(&house, &abroad).await;
    Neighbours { house, at_home, abroad, theirs }
}

#[tokio::test]
async fn another_organizations_record_is_a_404_like_an_absent_one_byte_for_byte_and_read_for_read() {
    let Neighbours { house, at_home, theirs, .. } = neighbours().await;
    let absent = Places {
        control: house.fixture.id::<registers::Control>().to_string(),
        finding: house.fixture.id::<findings::Finding>().to_string(),
        subscription: house.fixture.id::<webhooks::WebhookSubscription>().to_string(),
        delivery: house.fixture.id::<webhooks::WebhookDelivery>().to_string(),
    };
    for operation in scoped().filter(|operation| operation.path.contains('{')) {
        let begun = house.watched.reads();
        let foreign = theirs.call(&house, operation).by(&at_home).send().await.expect(404);
        let between = house.watched.reads();
        let missing = absent.call(&house, operation).by(&at_home).send().await.expect(404);
        assert_eq!(foreign.anonymous(), missing.anonymous(), "{}", operation.id);
        assert_eq!(between - begun, house.watched.reads() - between, "{} did other work", operation.id);
        assert_eq!(foreign.header("content-length"), missing.header("content-length"));
    }
}

#[tokio::test]
async fn another_organizations_record_is_there_for_its_own_account() {
    let Neighbours { house, abroad, theirs, .. } = neighbours().await;
    for operation in scoped().filter(|operation| operation.path.contains('{')) {
        let abroad = house.client(abroad.account.meta.organization, Scope::ALL).await;
        let theirs = theirs.owned_by(&house, &abroad).await;
        let answer = theirs.call(&house, operation).by(&abroad).send().await;
        assert!(answer.status < 300, "{} gave {}", operation.id, answer.status);
    }
}

#[tokio::test]
async fn a_malformed_id_in_a_path_is_a_404_too() {
    let Neighbours { house, at_home, theirs, .. } = neighbours().await;
    for operation in scoped().filter(|operation| operation.path.contains('{')) {
        for id in ["x", "find_", "%ff", "%00", "svc_01KSFQX5Y800000000000000005", &theirs.finding.to_lowercase()] {
            let places = Places::all_being(id);
            let answer = places.call(&house, operation).by(&at_home).send().await.expect(404);
            assert_eq!(answer.error(), "not_found", "{} with {id}", operation.id);
        }
    }
}

#[tokio::test]
async fn an_id_in_a_body_that_is_absent_or_anothers_is_a_fault_of_its_path_both_alike() {
    let Neighbours { house, at_home, theirs, .. } = neighbours().await;
    let path = format!("{}/{}/events", findings_path(), house.finding(&at_home, "mine").await);
    let mut answers = Vec::new();
    for id in [theirs.finding.clone(), house.fixture.id::<findings::Finding>().to_string()] {
        let body =
            json!({ "eventType": "verified_as_duplicate", "duplicateOfFindingId": id, "reason": "because of a test" });
        let answer = house.post(&path).by(&at_home).json(&body).send().await.expect(400);
        assert_eq!(answer.paths(), ["duplicateOfFindingId"]);
        answers.push(answer.anonymous());
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn lists_hold_nothing_of_another_organization_and_keys_are_free_in_each() {
    let Neighbours { house, at_home, abroad, .. } = neighbours().await;
    let mine = house.post(findings_path()).by(&at_home).json(&finding_body("theirs")).send().await.expect(201);
    let listed = house.get(findings_path()).by(&at_home).send().await.expect(200).json();
    assert_eq!(listed["findings"], json!([mine.json()["finding"]]));
    assert_eq!(house.get("/api/v1/governance/controls").by(&at_home).send().await.json()["controls"], json!([]));
    let entries = house.get("/api/v1/audit/entries?limit=200").by(&at_home).send().await.expect(200).json();
    for entry in entries["entries"].as_array().unwrap() {
        assert_eq!(entry["organizationId"], house.home.to_string());
    }
    let own = house.get("/api/v1/organization").by(&abroad).send().await.expect(200).json();
    assert_eq!(own["organization"]["slug"], "elsewhere");
}

#[tokio::test]
async fn a_token_whose_organization_is_not_its_accounts_admits_nobody() {
    let Neighbours { house, at_home, abroad, .. } = neighbours().await;
    let claims = |organization| auth::Claims {
        account: at_home.account.meta.id,
        organization,
        scopes: at_home.account.record.scopes,
        issued_at: house.fixture.now(),
        expires_at: house.fixture.now() + std::time::Duration::from_secs(60),
        id: "1".to_owned(),
    };
    let sign = |organization| house.keys.sign(&claims(organization));
    house.get(findings_path()).bearer(&sign(house.home)).send().await.expect(200);
    house.get(findings_path()).bearer(&sign(abroad.account.meta.organization)).send().await.expect(401);
    house.get(findings_path()).bearer(&sign(Id::new(ulid::Ulid::nil()))).send().await.expect(401);
}
