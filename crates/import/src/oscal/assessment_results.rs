//! Assessment results: findings about objectives that are not satisfied, risks, observations, and the assessments of exports.

use std::cmp::Reverse;

use kernel::Timestamp;

use super::{
    assessment::{AssessmentReader, related},
    members::time,
    read_model,
    relations::RelatedFinding,
};
use crate::{
    document::{Document, elements},
    object::Object,
    position::Unreadable,
    shorten,
};

const FORMAT: &str = "OSCAL assessment results";
const MODEL: &str = "assessment-results";

/// Reads assessment results. A finding whose objective is satisfied is no finding here.
///
/// # Errors
/// [`Unreadable`] if the file has no OSCAL assessment results.
pub fn read(bytes: &[u8]) -> Result<Document, Unreadable> {
    let ((), document) = read_model(FORMAT, MODEL, bytes, |model, lines, document| {
        let results = elements(model.body, &["results"], lines, document);
        let mut results: Vec<_> = results.into_iter().map(|result| (times(&result.object), result)).collect();
        results.sort_by_key(|(times, _)| Reverse(*times));
        let mut parts = Vec::new();
        for (_, result) in &results {
            parts.push(elements(&result.object, &["risks", "findings", "observations"], lines, document));
        }
        if results.is_empty() {
            document.warn("the file has no results");
        }
        let mut reader = AssessmentReader::new(document, MODEL, model.body);
        for (index, (_, result)) in results.iter().enumerate() {
            reader.continue_with(index);
            reader.add_assessment(result);
        }
        reader.add_requirements(model.body, lines);
        let findings: Vec<Vec<RelatedFinding<'_, '_, '_>>> =
            parts.iter().enumerate().map(|(index, part)| related(part, index)).collect();
        for finding in findings.iter().flatten() {
            let key = finding.key.as_deref().and_then(shorten::key);
            if let Some(key) = key {
                reader.relations.add(finding, key.as_str(), finding.objective.as_ref());
            }
        }
        for (index, part) in parts.iter().enumerate() {
            reader.continue_with(index);
            reader.add_risks(part);
        }
        let mut satisfied = 0;
        for finding in findings.iter().flatten() {
            reader.continue_with(finding.result);
            if !finding.is_satisfied {
                reader.add_finding(finding, finding.objective.as_ref());
            } else if reader.skip(finding) {
                satisfied += 1;
            }
        }
        let last_modified = time(model.metadata, "last-modified");
        for (index, (part, ((start, _), _))) in parts.iter().zip(&results).enumerate() {
            reader.continue_with(index);
            let default_time = start.or(last_modified);
            for observation in part.iter().filter(|element| element.list == "observations") {
                reader.add_observation(observation, default_time);
            }
        }
        reader.warn();
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

/// The times by which the newest result is found: when the assessment began, otherwise ended; of two that began at one time,
/// when they ended.
fn times(result: &Object<'_>) -> (Option<Timestamp>, Option<Timestamp>) {
    let (start, end) = (time(result, "start"), time(result, "end"));
    (start.or(end), end)
}
