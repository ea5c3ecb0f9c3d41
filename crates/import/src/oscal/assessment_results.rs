//! Assessment results: findings about objectives that are not satisfied, risks, and the assessments of exports.

use std::cmp::Reverse;

use kernel::{Kind, Timestamp};

use super::{
    assessment::{AssessmentReader, FindingSubject},
    members::time,
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
        let mut results = elements(model.body, &["results"], lines, document);
        results.sort_by_key(|result| Reverse(end(&result.object)));
        let mut parts = Vec::new();
        for result in &results {
            observations += result.object.elements("observations").len();
            parts.push(elements(&result.object, &["risks", "findings"], lines, document));
        }
        if results.is_empty() {
            document.warn("the file has no results");
        }
        let mut reader = AssessmentReader::new(document, MODEL, model.body);
        for (index, result) in results.iter().enumerate() {
            reader.continue_with(index);
            reader.add_assessment(result);
        }
        for (index, part) in parts.iter().enumerate() {
            reader.continue_with(index);
            reader.add_risks(part);
        }
        for (index, part) in parts.iter().enumerate() {
            reader.continue_with(index);
            for element in part.iter().filter(|element| element.list == "findings") {
                let target = element.object.object("target");
                if !target.as_ref().is_some_and(is_satisfied) {
                    reader.add_finding(element, target.as_ref().and_then(subject));
                } else if reader.skip(element, Kind::Finding) {
                    satisfied += 1;
                }
            }
        }
        reader.warn_of_observations(observations);
        reader.warn_of_superseded();
        if satisfied > 0 {
            document.warn(&format!(
                "{satisfied} findings are not imported: their objectives are satisfied; close those that an earlier import \
                 has opened"
            ));
        }
        Ok(())
    })?;
    Ok(document)
}

/// The time at which the assessment ended, or else began.
fn end(result: &Object<'_>) -> Option<Timestamp> {
    time(result, "end").or_else(|| time(result, "start"))
}

fn is_satisfied(target: &Object<'_>) -> bool {
    let state = target.object("status").and_then(|status| status.word("state", &["satisfied", "not-satisfied"]));
    state == Some("satisfied")
}

fn subject(target: &Object<'_>) -> Option<FindingSubject> {
    let resource_type = target.nonblank_text("type").unwrap_or_else(|| "objective-id".to_owned());
    Some(FindingSubject { resource_type, resource_id: target.nonblank_text("target-id")? })
}
