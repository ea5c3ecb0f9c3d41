//! Evidence requirements: those that an export has written, and those for the objectives that findings are about.

use std::collections::{HashMap, HashSet};

use kernel::Kind;

use super::relations::{OSCAL_MODULE, OscalSubject};
use crate::{
    document::text,
    document_draft::{DocumentDraft, OnExisting},
    shorten,
};

/// The property with the key of an evidence requirement, which every exported requirement has.
pub(super) const REQUIREMENT_KEY: &str = "requirement-key";

/// The key of the requirement of observations that no finding names.
pub(super) const GENERAL_REQUIREMENT: &str = "oscal:observations";

/// The requirements of a document.
#[derive(Default)]
pub(super) struct Requirements {
    /// The keys of exported requirements by the UUIDs of their resources.
    pub(super) exported: HashMap<String, String>,
    /// Those that have been added.
    pub(super) added: HashSet<String>,
    /// The number of observations with members that no record holds.
    pub(super) incomplete: usize,
}

/// The requirement of evidence for an objective, or of observations that no finding names. One that exists stays.
pub(super) fn requirement(key: &str, objective: Option<&OscalSubject>) -> DocumentDraft {
    let (title, description) = match objective {
        Some(OscalSubject { resource_id, .. }) => (
            format!("Evidence about {resource_id}"),
            format!("What shows whether {resource_id} is satisfied. Observations of assessments are claims for it."),
        ),
        None => (
            "Observations of assessments".to_owned(),
            "What assessments observed. No finding says which objective it is about.".to_owned(),
        ),
    };
    let subject = objective.map(|objective| [OSCAL_MODULE, &objective.resource_type, &objective.resource_id]);
    let [module_key, resource_type, resource_id] = subject.map_or([None; 3], |parts| parts.map(Some));
    let fields = [
        ("requirementKey", text(key)),
        ("title", shorten::title(&title).and_then(text)),
        ("description", text(description)),
        ("status", text("active")),
        ("subjectModuleKey", module_key.and_then(text)),
        ("subjectResourceType", resource_type.and_then(text)),
        ("subjectResourceId", resource_id.and_then(text)),
    ];
    DocumentDraft::new(Kind::EvidenceRequirement, OnExisting::Keep, fields)
}
