//! Assessments: the results of a document, without the findings, which are written one by one.

use kernel::{Organization, Stored, Timestamp};
use registers::Assessment;
use serde_json::{Map, Value, json};

use super::{
    Losses,
    record_properties::record_properties,
    texts::{description, title},
    uuid,
};

/// The result that an assessment becomes.
#[must_use]
pub fn result_element(stored: &Stored<Assessment>, losses: &mut Losses) -> Value {
    let assessment = &stored.record;
    let properties = record_properties(assessment, losses);
    let mut result = result(
        &uuid::of_record_with_key(stored, assessment.key.as_str()),
        &title::<Assessment>(&assessment.title, losses),
        description::<Assessment>(&assessment.description, losses),
        stored.meta.created_at,
    );
    result.insert("props".to_owned(), properties.into());
    if let Some(completed_at) = assessment.completed_at {
        result.insert("end".to_owned(), completed_at.to_string().into());
    }
    Value::Object(result)
}

/// The result of the findings of assessments that are in another system. `start` is the time of the oldest.
#[must_use]
pub fn other_findings_element(organization: &Stored<Organization>, start: Timestamp) -> Value {
    let uuid = uuid::of_name(&format!("other findings {}", organization.meta.id));
    let description = "Findings of assessments of which the workspace has no record.";
    Value::Object(result(&uuid, "Findings of other assessments", description, start))
}

/// A result. No record says which controls an assessment reviewed, so it is all of them.
fn result(uuid: &str, title: &str, description: &str, start: Timestamp) -> Map<String, Value> {
    [
        ("uuid", uuid.into()),
        ("title", title.into()),
        ("description", description.into()),
        ("start", start.to_string().into()),
        ("reviewed-controls", json!({ "control-selections": [{ "include-all": {} }] })),
    ]
    .map(|(name, value): (&str, Value)| (name.to_owned(), value))
    .into_iter()
    .collect()
}
