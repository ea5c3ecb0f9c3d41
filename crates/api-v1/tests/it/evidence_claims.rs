//! Evidence requirements and claims, and the files that are attached to claims.

mod creation;
mod files;
mod lists;

use evidence::{EvidenceRequirement, EvidenceRequirementStatus};
use kernel::Record as _;
use serde_json::{Value, json};
use store_contract::samples;

use crate::support::{Client, TestApi, TestRequest};

const CLAIMS: &str = "/api/v1/governance/evidence/claims";
const REQUIREMENTS: &str = "/api/v1/governance/evidence/requirements";

/// An API, an account that has every scope, and the identifier of an active requirement.
async fn setup() -> (TestApi, Client, String) {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let requirement = store_requirement(&api, EvidenceRequirementStatus::Active, "backups").await;
    (api, client, requirement)
}

async fn store_requirement(api: &TestApi, status: EvidenceRequirementStatus, key: &str) -> String {
    let requirement = EvidenceRequirement { key: samples::key(key), status, ..EvidenceRequirement::example() };
    api.fixture.create(api.home, requirement).await.meta.id.to_string()
}

/// A request to make a claim with these fields.
fn claim(api: &TestApi, client: &Client, requirement: &str, key: &str, fields: Value) -> TestRequest {
    let mut body = json!({
        "evidenceRequirementId": requirement, "claimKey": key, "title": "Restore test",
        "reason": "because a test says so",
    });
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    api.post(CLAIMS).auth(client).json(&body)
}

fn inline(name: &str, base64: &str) -> Value {
    json!({ "fileName": name, "contentType": "text/plain", "contentBase64": base64 })
}
