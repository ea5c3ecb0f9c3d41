use evidence::{EvidenceClaim, EvidenceClaimStatus, EvidenceRequirementStatus};
use kernel::Record as _;
use serde_json::{Value, json};
use store_contract::samples;

use super::{CLAIMS, REQUIREMENTS, setup, store_requirement};
use crate::support::{Client, TestApi};

async fn keys(api: &TestApi, client: &Client, query: &str) -> Vec<String> {
    let body = api.get(&format!("{CLAIMS}?{query}")).auth(client).send().await.expect(200).json();
    body["claims"].as_array().unwrap().iter().map(|claim| claim["claimKey"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn claims_are_listed_newest_first_and_filtered_by_requirement_and_status() {
    let (api, client, requirement) = setup().await;
    let other = store_requirement(&api, EvidenceRequirementStatus::Active, "other").await;
    for (key, requirement, status) in [
        ("a", &requirement, EvidenceClaimStatus::Approved),
        ("b", &other, EvidenceClaimStatus::Approved),
        ("c", &requirement, EvidenceClaimStatus::Rejected),
    ] {
        api.clock().tick();
        let evidence_requirement_id = requirement.parse().unwrap();
        let claim =
            EvidenceClaim { key: samples::key(key), evidence_requirement_id, status, ..EvidenceClaim::example() };
        api.fixture.create(api.home, claim).await;
    }
    assert_eq!(keys(&api, &client, "").await, ["c", "b", "a"]);
    assert_eq!(keys(&api, &client, "status=approved").await, ["b", "a"]);
    assert_eq!(keys(&api, &client, &format!("evidenceRequirementId={requirement}")).await, ["c", "a"]);
    let both = format!("evidenceRequirementId={requirement}&status=approved,pending");
    assert_eq!(keys(&api, &client, &both).await, ["a"]);
    let response = api.get(&format!("{CLAIMS}?status=gone")).auth(&client).send().await.expect(400);
    assert!(response.issue_message("query.status").contains("pending, approved, rejected, expired, withdrawn"));
}

#[tokio::test]
async fn requirements_are_listed_and_filtered_by_status() {
    let (api, client, requirement) = setup().await;
    store_requirement(&api, EvidenceRequirementStatus::Draft, "draft").await;
    let path = format!("{REQUIREMENTS}?status=active");
    let listed = api.get(&path).auth(&client).send().await.expect(200).json()["requirements"].clone();
    let single = api.get(&format!("{REQUIREMENTS}/{requirement}")).auth(&client).send().await.expect(200);
    let requirement: Value = single.json()["requirement"].clone();
    assert_eq!(listed, json!([requirement]));
    let names: Vec<_> = requirement.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = vec![
        "id",
        "requirementKey",
        "title",
        "description",
        "subjectModuleKey",
        "subjectResourceType",
        "subjectResourceId",
        "status",
        "createdAt",
        "updatedAt",
    ];
    expected.sort_unstable();
    let mut names = names;
    names.sort_unstable();
    assert_eq!(names, expected);
}
