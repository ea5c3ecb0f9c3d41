//! OSCAL 1 in JSON: catalogs and profiles become frameworks, assessment results and plans of action become findings,
//! risks and evidence. Decision record 0044 has the mapping and its reasons.
//!
//! Reading is lenient: what can't be used is left out or replaced, and is a repair. A part without which there is no
//! record is a failure, together with the parts in it.

mod assessment;
mod assessment_results;
mod catalog;
mod catalog_choice;
mod catalog_nodes;
mod edition;
pub mod export;
mod field_rules;
mod members;
mod node;
mod node_keys;
mod observation;
mod parameters;
mod plan_of_action;
mod profile;
mod properties;
mod prose;
mod rating;
mod relations;
mod requirement;
mod risk;
mod selection;
mod written_nodes;

use crate::{
    document::{self, Document, other_format},
    object::Object,
    position::{LineIndex, Unreadable},
};

pub use self::{
    assessment_results::read as read_assessment_results, catalog::read as read_catalog, catalog_choice::CatalogFile,
    edition::FrameworkOptions, field_rules::ExportModel, plan_of_action::read as read_plan_of_action,
    profile::read as read_profile,
};

/// The models of OSCAL, with the format by which `novantra import` takes them, if it does.
const MODELS: &[(&str, Option<&str>)] = &[
    ("catalog", Some("oscal-catalog")),
    ("profile", Some("oscal-profile")),
    ("assessment-results", Some("oscal-assessment-results")),
    ("plan-of-action-and-milestones", Some("oscal-poam")),
    ("system-security-plan", None),
    ("component-definition", None),
    ("assessment-plan", None),
    ("mapping-collection", None),
];

/// The depth to which groups, controls and parts are read.
const MAX_DEPTH: usize = 32;

/// The objects that a document of a model consists of.
struct Model<'r, 'a> {
    /// The object of the model.
    body: &'r Object<'a>,
    metadata: &'r Object<'a>,
}

/// Reads a document of the model with this name, such as `catalog`.
fn read_model<T>(
    format: &'static str,
    name: &'static str,
    bytes: &[u8],
    read: impl FnOnce(&Model<'_, '_>, &LineIndex<'_>, &mut Document) -> Result<T, Unreadable>,
) -> Result<(T, Document), Unreadable> {
    document::read(format, bytes, |root, lines, document| {
        let Some(body) = root.object(name) else { return Err(other_model(format, name, root)) };
        let Some(metadata) = body.object("metadata") else {
            return Err(other_format(
                format,
                format!("{name} has no object `metadata`, which holds title and version"),
            ));
        };
        match metadata.text("oscal-version") {
            Some(version) if version.trim_start_matches('v').starts_with("1.") => {}
            Some(version) => {
                document.warn(&format!("the version of OSCAL is {version:?}; the file is read as OSCAL 1"));
            }
            None => document.warn("the version of OSCAL is missing; the file is read as OSCAL 1"),
        }
        read(&Model { body: &body, metadata: &metadata }, lines, document)
    })
}

fn other_model(format: &'static str, name: &str, root: &Object<'_>) -> Unreadable {
    let found = MODELS.iter().find(|(model, _)| *model != name && root.has(model));
    let message = match found {
        Some((model, Some(other))) => format!("the file is an OSCAL {model}: import it as {other}"),
        Some((model, None)) => format!("the file is an OSCAL {model}, which has no importer"),
        None if root.has(name) => format!("the member `{name}` is no object"),
        None => format!("the object has no member `{name}`"),
    };
    other_format(format, message)
}
