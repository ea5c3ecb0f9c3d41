//! Plans of action and milestones: items that are findings, and risks.

use std::collections::HashSet;

use super::{
    assessment::{AssessmentReader, FindingSubject},
    read_model,
};
use crate::{
    document::{Document, elements},
    object::Object,
    position::Unreadable,
};

const FORMAT: &str = "an OSCAL plan of action and milestones";
const MODEL: &str = "plan-of-action-and-milestones";

/// Reads a plan of action and milestones. Each item is a finding; so is a finding that no item refers to.
///
/// # Errors
/// [`Unreadable`] if the file has no OSCAL plan of action and milestones.
pub fn read(bytes: &[u8]) -> Result<Document, Unreadable> {
    let ((), document) = read_model(FORMAT, MODEL, bytes, |model, lines, document| {
        let parts = elements(model.body, &["risks", "findings", "poam-items"], lines, document);
        let is_item = |list: &str| list == "poam-items";
        let planned: HashSet<String> = parts
            .iter()
            .filter(|element| is_item(element.list))
            .flat_map(|item| item.object.present_objects("related-findings").collect::<Vec<_>>())
            .filter_map(|relation| relation.nonblank_text("finding-uuid"))
            .collect();
        if !parts.iter().any(|element| is_item(element.list)) {
            document.warn("the plan has no items");
        }
        let mut reader = AssessmentReader::new(document, MODEL, model.body);
        reader.add_risks(&parts);
        for element in &parts {
            let is_planned = || element.object.text("uuid").is_some_and(|uuid| planned.contains(&uuid));
            match element.list {
                "poam-items" => reader.add_finding(element, system(model.body)),
                "findings" if !is_planned() => reader.add_finding(element, system(model.body)),
                _ => {}
            }
        }
        reader.warn_of_observations(model.body.elements("observations").len());
        Ok(())
    })?;
    Ok(document)
}

/// The system that the plan is for.
fn system(plan: &Object<'_>) -> Option<FindingSubject> {
    let id = plan.object("system-id")?.nonblank_text("id")?;
    Some(FindingSubject { resource_type: "system".to_owned(), resource_id: id })
}
