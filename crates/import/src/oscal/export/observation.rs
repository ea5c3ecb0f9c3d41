//! Evidence: a claim is an observation, and its requirement a resource in the back matter, which is the observation's
//! subject.

use kernel::{Kind, Stored};
use registers::{EvidenceClaim, EvidenceRequirement};
use serde_json::{Value, json};

use super::{
    Losses, MadeUp,
    record_properties::record_properties,
    texts::{description, title},
    uuid,
};
use crate::{links::is_location_or_uri, object::is_blank, oscal::properties::property};

/// The UUID of the observation that a claim becomes.
#[must_use]
pub fn observation_uuid(stored: &Stored<EvidenceClaim>) -> String {
    uuid::of_record_with_key(stored, stored.record.key.as_str())
}

/// The UUID of the resource that a requirement becomes.
#[must_use]
pub fn requirement_uuid(stored: &Stored<EvidenceRequirement>) -> String {
    uuid::of_record_with_key(stored, stored.record.key.as_str())
}

/// The resource that a requirement becomes.
#[must_use]
pub fn requirement_element(stored: &Stored<EvidenceRequirement>, losses: &mut Losses) -> Value {
    let requirement = &stored.record;
    json!({
        "uuid": requirement_uuid(stored),
        "title": title::<EvidenceRequirement>(&requirement.title, losses),
        "description": description::<EvidenceRequirement>(&requirement.description, losses),
        "props": record_properties(requirement, losses),
    })
}

/// The observation that a claim becomes. `requirement` is the UUID of the resource of its requirement.
#[must_use]
pub fn observation_element(stored: &Stored<EvidenceClaim>, requirement: &str, losses: &mut Losses) -> Value {
    let claim = &stored.record;
    // An empty description is read as none.
    if claim.description.as_ref().is_some_and(|description| is_blank(description.as_str())) {
        losses.add(Kind::EvidenceClaim, "description");
    }
    losses.add_made_up(MadeUp::Methods);
    let mut observation = json!({
        "uuid": observation_uuid(stored),
        "title": title::<EvidenceClaim>(&claim.title, losses),
        "description": claim.description.as_ref().map_or("", |description| description.as_str()),
        "props": record_properties(claim, losses),
        "methods": ["UNKNOWN"],
        "subjects": [{ "subject-uuid": requirement, "type": "resource" }],
        "collected": claim.valid_from.to_string(),
    });
    let Some(members) = observation.as_object_mut() else { return observation };
    if let Some(valid_until) = claim.valid_until {
        if valid_until <= claim.valid_from {
            losses.add(Kind::EvidenceClaim, "validUntil");
        }
        members.insert("expires".to_owned(), valid_until.to_string().into());
    }
    if let Some(note) = &claim.review_note {
        if is_blank(note.as_str()) {
            losses.add(Kind::EvidenceClaim, "reviewNote");
        }
        members.insert("remarks".to_owned(), note.as_str().into());
    }
    let evidence = evidence(claim);
    if !evidence.is_empty() {
        members.insert("relevant-evidence".to_owned(), evidence.into());
    }
    observation
}

/// The source of a claim, and its attachments.
fn evidence(claim: &EvidenceClaim) -> Vec<Value> {
    let source = claim.source_reference.as_ref().map(|reference| {
        let reference = reference.as_str().trim();
        let mut source = json!({ "description": format!("The source of the evidence: {reference}") });
        if is_location_or_uri(reference) && !reference.contains(char::is_whitespace) {
            source["href"] = reference.into();
        }
        source
    });
    let attachments = claim.attachments.iter().map(|file| {
        let properties = [
            ("attachment-id", file.id.to_string()),
            ("content-type", file.content_type.as_str().trim().to_owned()),
            ("size", file.size.to_string()),
            ("sha-256", file.sha256.to_string()),
        ];
        let properties = properties.map(|(name, value)| property(name, &value));
        json!({ "description": file.file_name.as_str(), "props": properties })
    });
    source.into_iter().chain(attachments).collect()
}
