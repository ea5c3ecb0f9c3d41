//! Findings: items of a plan of action, or findings of assessment results, each with the risk that it is.

use findings::Finding;
use kernel::{Organization, Stored};
use serde_json::{Map, Value, json};

use super::{
    Losses, MadeUp,
    identifiers::token,
    record_properties::record_properties,
    risk,
    texts::{description, title},
    uuid,
};
use crate::oscal::field_rules::ExportModel;

/// The objects that a finding becomes.
#[derive(Clone, Debug)]
pub struct FindingElements {
    /// The risk with its severity and its due date.
    pub risk: Value,
    /// The item of a plan of action, or the finding of assessment results.
    pub finding: Value,
}

/// The UUIDs of the objects to which a finding is related.
#[derive(Clone, Debug, Default)]
pub struct Related {
    /// The risks of the register.
    pub risks: Vec<String>,
    /// The observations.
    pub observations: Vec<String>,
}

/// The objects that a finding becomes in a document of the model.
#[must_use]
pub fn finding_elements(
    model: ExportModel,
    stored: &Stored<Finding>,
    organization: &Stored<Organization>,
    related: &Related,
    losses: &mut Losses,
) -> FindingElements {
    let finding = &stored.record;
    let references = |member: &str, uuids: &[String]| -> Vec<Value> {
        uuids.iter().map(|uuid| Value::Object(Map::from_iter([(member.to_owned(), uuid.as_str().into())]))).collect()
    };
    let risk = risk::of_finding(stored, organization);
    let uuid = uuid::of_record_with_key(stored, finding.key.as_str());
    let mut members: Map<String, Value> = [
        ("props", record_properties(finding, losses).into()),
        ("title", title::<Finding>(&finding.title, losses).into()),
        ("description", description::<Finding>(&finding.description, losses).into()),
        (
            "related-risks",
            [vec![json!({ "risk-uuid": risk["uuid"] })], references("risk-uuid", &related.risks)].concat().into(),
        ),
    ]
    .map(|(name, value): (&str, Value)| (name.to_owned(), value))
    .into_iter()
    .collect();
    if model == ExportModel::AssessmentResults {
        members.insert("target".to_owned(), target(finding, &uuid));
        if finding.subject.is_none() {
            losses.add_made_up(MadeUp::Target);
        }
    }
    members.insert("uuid".to_owned(), uuid.into());
    let observations = references("observation-uuid", &related.observations);
    if !observations.is_empty() {
        members.insert("related-observations".to_owned(), observations.into());
    }
    FindingElements { risk, finding: Value::Object(members) }
}

/// The objective that the finding is about. OSCAL demands one; that of a finding about nothing is the finding itself.
fn target(finding: &Finding, uuid: &str) -> Value {
    let subject = finding.subject.as_ref();
    let id = subject.map_or_else(|| format!("finding-{uuid}"), |subject| subject.resource_id.to_string());
    let is_statement = subject.is_some_and(|subject| subject.resource_type.as_str() == "statement-id");
    let target_type = if is_statement { "statement-id" } else { "objective-id" };
    json!({ "type": target_type, "target-id": token(&id), "status": { "state": "not-satisfied" } })
}
