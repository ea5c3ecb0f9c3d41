//! Assessment results: findings about objectives that are not satisfied, risks, and the assessments of exports.

use super::{
    assessment::{AssessmentReader, FindingSubject},
    read_model,
};
use crate::{
    document::{Document, elements},
    object::Object,
    position::Unreadable,
};

const FORMAT: &str = "OSCAL assessment results";
const MODEL: &str = "assessment-results";

/// Reads assessment results. A finding whose objective is satisfied is no finding here.
///
/// # Errors
/// [`Unreadable`] if the file has no OSCAL assessment results.
pub fn read(bytes: &[u8]) -> Result<Document, Unreadable> {
    let ((), document) = read_model(FORMAT, MODEL, bytes, |model, lines, document| {
        let mut satisfied = 0;
        let mut observations = 0;
        let results = elements(model.body, &["results"], lines, document);
        let mut parts = Vec::new();
        for result in &results {
            observations += result.object.elements("observations").len();
            parts.push(elements(&result.object, &["risks", "findings"], lines, document));
        }
        if results.is_empty() {
            document.warn("the file has no results");
        }
        let mut reader = AssessmentReader::new(document, MODEL, model.body);
        for result in &results {
            reader.add_assessment(result);
        }
        for part in &parts {
            reader.add_risks(part);
        }
        for element in parts.iter().flatten().filter(|element| element.list == "findings") {
            let target = element.object.object("target");
            if target.as_ref().is_some_and(is_satisfied) {
                satisfied += 1;
            } else {
                reader.add_finding(element, target.as_ref().and_then(subject));
            }
        }
        reader.warn_of_observations(observations);
        if satisfied > 0 {
            document.warn(&format!("{satisfied} findings are not imported: their objectives are satisfied"));
        }
        Ok(())
    })?;
    Ok(document)
}

fn is_satisfied(target: &Object<'_>) -> bool {
    let state = target.object("status").and_then(|status| status.word("state", &["satisfied", "not-satisfied"]));
    state == Some("satisfied")
}

fn subject(target: &Object<'_>) -> Option<FindingSubject> {
    let resource_type = target.nonblank_text("type").unwrap_or_else(|| "objective-id".to_owned());
    Some(FindingSubject { resource_type, resource_id: target.nonblank_text("target-id")? })
}
