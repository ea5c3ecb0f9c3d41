//! Assessments: the results of a document, without what is in them, which is written one by one.

use kernel::{Organization, Stored, Timestamp};
use registers::Assessment;
use serde_json::{Map, Value, json};

use super::{
    Losses, MadeUp,
    identifiers::token,
    record_properties::record_properties,
    texts::{description, title},
    uuid,
};

/// The result that an assessment becomes. `control` is the key of the control that it reviewed, if the record says it.
#[must_use]
pub fn result_element(stored: &Stored<Assessment>, control: Option<&str>, losses: &mut Losses) -> Value {
    let assessment = &stored.record;
    let properties = record_properties(assessment, losses);
    let created_at = stored.meta.created_at;
    let mut result = result(
        &uuid::of_record_with_key(stored, assessment.key.as_str()),
        &title::<Assessment>(&assessment.title, losses),
        description::<Assessment>(&assessment.description, losses),
        // The record of an assessment is often made when it is completed.
        assessment.completed_at.map_or(created_at, |completed_at| completed_at.min(created_at)),
        reviewed_controls(control, losses),
    );
    losses.add_made_up(MadeUp::Start);
    result.insert("props".to_owned(), properties.into());
    if let Some(completed_at) = assessment.completed_at {
        result.insert("end".to_owned(), completed_at.to_string().into());
    }
    Value::Object(result)
}

/// The result of the findings and the evidence of assessments that are in another system. `start` is the time of the oldest.
#[must_use]
pub fn other_findings_element(organization: &Stored<Organization>, start: Timestamp, losses: &mut Losses) -> Value {
    let uuid = uuid::of_name(&format!("other findings {}", organization.meta.id));
    let description = "Findings and evidence that the workspace relates to none of its assessments.";
    let reviewed_controls = reviewed_controls(None, losses);
    losses.add_made_up(MadeUp::Start);
    Value::Object(result(&uuid, "Other findings and evidence", description, start, reviewed_controls))
}

/// The controls that were reviewed. OSCAL demands some, or all.
fn reviewed_controls(control: Option<&str>, losses: &mut Losses) -> Value {
    if let Some(control) = control {
        return json!({ "control-selections": [{ "include-controls": [{ "control-id": token(control) }] }] });
    }
    losses.add_made_up(MadeUp::ReviewedControls);
    json!({
        "control-selections": [{ "include-all": {} }],
        "remarks": "No record says which controls were reviewed. OSCAL demands a selection, so it has all.",
    })
}

fn result(
    uuid: &str,
    title: &str,
    description: &str,
    start: Timestamp,
    reviewed_controls: Value,
) -> Map<String, Value> {
    [
        ("uuid", uuid.into()),
        ("title", title.into()),
        ("description", description.into()),
        ("start", start.to_string().into()),
        ("reviewed-controls", reviewed_controls),
    ]
    .map(|(name, value): (&str, Value)| (name.to_owned(), value))
    .into_iter()
    .collect()
}
