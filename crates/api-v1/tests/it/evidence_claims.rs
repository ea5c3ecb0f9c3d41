//! Evidence requirements and claims, and the files that are attached to claims.

mod creation;
mod files;
mod lists;

use api_v1::PayloadRenderer;
use evidence::{
    ClaimFiles, ClaimSource, EvidenceRequirement, EvidenceRequirementStatus, NewClaim, approve, create_claim, reject,
};
use kernel::{OutboxEvent, Record as _, Stored};
use serde_json::{Value, json};
use store_contract::samples;

use crate::support::{Client, TestApi, TestRequest};

const CLAIMS: &str = "/api/v1/governance/evidence/claims";
const REQUIREMENTS: &str = "/api/v1/governance/evidence/requirements";

/// An API, an account that has every scope, and the identifier of an active requirement.
pub(crate) async fn setup() -> (TestApi, Client, String) {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let requirement = store_requirement(&api, EvidenceRequirementStatus::Active, "backups").await;
    (api, client, requirement)
}

pub(crate) async fn store_requirement(api: &TestApi, status: EvidenceRequirementStatus, key: &str) -> String {
    let requirement = EvidenceRequirement { key: samples::key(key), status, ..EvidenceRequirement::example() };
    api.fixture.create(api.home, requirement).await.meta.id.to_string()
}

/// A request to make a claim with these fields.
pub(crate) fn claim(api: &TestApi, client: &Client, requirement: &str, key: &str, fields: Value) -> TestRequest {
    let mut body = json!({
        "evidenceRequirementId": requirement, "claimKey": key, "title": "Restore test",
        "reason": "because a test says so",
    });
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    api.post(CLAIMS).auth(client).json(&body)
}

pub(crate) fn inline(name: &str, base64: &str) -> Value {
    json!({ "fileName": name, "contentType": "text/plain", "contentBase64": base64 })
}

/// The events that a claim publishes when it is made, approved and rejected.
pub(crate) fn events(api: &TestApi) -> Vec<OutboxEvent> {
    let harness = write_harness::WriteHarness::default();
    let context = harness.context();
    let requirement =
        EvidenceRequirement { status: EvidenceRequirementStatus::Active, ..EvidenceRequirement::example() };
    let requirement = Stored::new(context.organization.id, api.fixture.new_id(), api.fixture.now(), requirement);
    let example = evidence::EvidenceClaim::example();
    let new = NewClaim {
        key: example.key,
        title: example.title,
        description: example.description,
        valid_from: None,
        valid_until: None,
        source_kind: ClaimSource::Integration,
        source_reference: example.source_reference,
    };
    let files = ClaimFiles::Uploaded(Vec::new());
    let timestamp = || harness.write_timestamp();
    let (created, claim) =
        create_claim(&context, &PayloadRenderer, timestamp(), None, &requirement, new, &files).unwrap();
    let (approved, _) = approve(&context, &PayloadRenderer, timestamp(), &claim, example.review_note.clone()).unwrap();
    let (rejected, _) = reject(&context, &PayloadRenderer, timestamp(), &claim, None).unwrap();
    [created, approved, rejected].iter().flat_map(|changeset| changeset.events().to_vec()).collect()
}
