//! Risks: those of the register, and one for each finding, which has its severity and its due date.

use findings::{Finding, Status};
use kernel::{Organization, Stored};
use registers::{Risk, RiskStatus};
use serde_json::{Value, json};

use super::{
    Losses,
    document::DocumentHead,
    record_properties::record_properties,
    texts::{description, title},
    uuid,
};
use crate::oscal::{
    properties::{NAMESPACE, property},
    relations::FINDING_SUBJECT,
    risk::{OF_FINDING, REPRESENTS},
};

/// The UUID of the object that a risk becomes.
#[must_use]
pub fn risk_uuid(stored: &Stored<Risk>) -> String {
    uuid::of_record_with_key(stored, stored.record.key.as_str())
}

/// The key or the identifier of the finding that is the subject of the risk.
#[must_use]
pub fn finding_of(risk: &Risk) -> Option<&str> {
    let subject = &risk.subject.as_ref()?.group;
    let [module_key, resource_type] = FINDING_SUBJECT;
    let is_finding = subject.module_key.as_str() == module_key && subject.resource_type.as_str() == resource_type;
    Some(subject.resource_id.as_str()).filter(|_| is_finding)
}

/// The risk of a plan of action, or of assessment results.
#[must_use]
pub fn risk_element(stored: &Stored<Risk>, losses: &mut Losses) -> Value {
    let risk = &stored.record;
    let properties = record_properties(risk, losses);
    let description = description::<Risk>(&risk.description, losses);
    json!({
        "uuid": risk_uuid(stored),
        "title": title::<Risk>(&risk.title, losses),
        "description": description,
        "statement": description,
        "status": risk_status(risk.status),
        "props": properties,
    })
}

/// The risk of a finding, of which OSCAL keeps the severity and the deadline.
pub(super) fn of_finding(stored: &Stored<Finding>, organization: &Stored<Organization>) -> Value {
    let finding = &stored.record;
    let title = finding.title.as_str().trim();
    let actor = json!({ "type": "party", "actor-uuid": DocumentHead::party(organization) });
    let severity = json!({ "name": "severity", "system": NAMESPACE, "value": finding.severity.name() });
    let mut risk = json!({
        "uuid": uuid::of_name(&format!("risk of {}", stored.meta.id)),
        "title": title,
        "description": title,
        "statement": title,
        "status": finding_status(finding.status),
        "props": [property(REPRESENTS, OF_FINDING)],
        "characterizations": [{ "origin": { "actors": [actor] }, "facets": [severity] }],
    });
    if let (Some(due_at), Some(members)) = (finding.due_at, risk.as_object_mut()) {
        members.insert("deadline".to_owned(), due_at.to_string().into());
    }
    risk
}

const fn risk_status(status: RiskStatus) -> &'static str {
    match status {
        RiskStatus::Draft | RiskStatus::Identified => "open",
        RiskStatus::Assessed => "investigating",
        RiskStatus::UnderTreatment => "remediating",
        RiskStatus::Accepted => "deviation-approved",
        RiskStatus::Closed | RiskStatus::Archived => "closed",
    }
}

const fn finding_status(status: Status) -> &'static str {
    match status {
        Status::Open => "open",
        Status::Triaged => "investigating",
        Status::RemediationPlanned | Status::Remediating | Status::Verified => "remediating",
        Status::Accepted => "deviation-approved",
        Status::Closed | Status::Archived => "closed",
    }
}
