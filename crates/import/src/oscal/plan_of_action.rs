//! Plans of action and milestones: items that are findings, risks, and observations.

use std::collections::HashMap;

use super::{
    assessment::{AssessmentReader, related},
    members::time,
    read_model,
    relations::{OscalSubject, RelatedFinding, uuid},
};
use crate::{
    document::{Document, elements},
    object::Object,
    position::Unreadable,
    shorten,
};

const FORMAT: &str = "an OSCAL plan of action and milestones";
const MODEL: &str = "plan-of-action-and-milestones";

/// Reads a plan of action and milestones. Each item is a finding; so is a finding that no item refers to.
///
/// # Errors
/// [`Unreadable`] if the file has no OSCAL plan of action and milestones.
pub fn read(bytes: &[u8]) -> Result<Document, Unreadable> {
    let ((), document) = read_model(FORMAT, MODEL, bytes, |model, lines, document| {
        let parts = elements(model.body, &["risks", "findings", "poam-items", "observations"], lines, document);
        if !parts.iter().any(|element| element.list == ITEMS) {
            document.warn("the plan has no items");
        }
        let mut reader = AssessmentReader::new(document, MODEL, model.body);
        reader.add_requirements(model.body, lines);
        let system = system(model.body);
        let findings = related(&parts, 0);
        let planned = planned(&findings);
        for finding in &findings {
            // A finding that an item is about is that item.
            let key = finding_id(finding).and_then(|id| planned.get(&id).cloned()).or_else(|| finding.key.clone());
            if let Some(key) = key.as_deref().and_then(shorten::key) {
                reader.relations.add(finding, key.as_str(), system.as_ref());
            }
        }
        reader.add_risks(&parts);
        for finding in &findings {
            if finding_id(finding).is_none_or(|id| !planned.contains_key(&id)) {
                reader.add_finding(finding, system.as_ref());
            }
        }
        let default_time = time(model.metadata, "last-modified");
        for observation in parts.iter().filter(|element| element.list == "observations") {
            reader.add_observation(observation, default_time);
        }
        reader.warn();
        Ok(())
    })?;
    Ok(document)
}

/// The list of the items.
const ITEMS: &str = "poam-items";

/// The UUID of a finding that is no item.
fn finding_id(finding: &RelatedFinding<'_, '_, '_>) -> Option<String> {
    let is_item = finding.element.list == ITEMS;
    finding.element.object.nonblank_text("uuid").filter(|_| !is_item).map(|id| uuid(&id))
}

/// The keys of the items by the findings that they are about.
fn planned(findings: &[RelatedFinding<'_, '_, '_>]) -> HashMap<String, String> {
    let mut planned = HashMap::new();
    for item in findings.iter().filter(|finding| finding.element.list == ITEMS) {
        for relation in item.element.object.present_objects("related-findings") {
            let id = relation.nonblank_text("finding-uuid").map(|id| uuid(&id));
            planned.extend(id.zip(item.key.clone()));
        }
    }
    planned
}

/// The system that the plan is for.
fn system(plan: &Object<'_>) -> Option<OscalSubject> {
    OscalSubject::new("system", &plan.object("system-id")?.nonblank_text("id")?)
}
