//! The targets of coverage links: records of the workspace, or things in other systems.

use kernel::{FieldError, Kind};

/// The modules of a workspace, each with the kinds of its records.
const MODULES: &[(&str, &[Kind])] = &[
    ("assessments", &[Kind::Assessment]),
    ("assets", &[Kind::Asset, Kind::CustodyAssignment]),
    ("change-management", &[Kind::ChangeRequest, Kind::ConfigurationBaseline, Kind::Release, Kind::SystemAcceptance]),
    ("controls", &[Kind::Control]),
    ("evidence", &[Kind::EvidenceRequirement, Kind::EvidenceClaim]),
    ("exceptions", &[Kind::Exception]),
    ("findings", &[Kind::Finding]),
    ("frameworks", &[Kind::Framework, Kind::FrameworkVersion, Kind::FrameworkNode, Kind::CoverageLink]),
    ("indicators", &[Kind::Indicator, Kind::Measurement]),
    ("monitoring", &[Kind::MonitorDefinition, Kind::MonitorRun, Kind::MonitorRunItem]),
    ("party-engagements", &[Kind::Engagement, Kind::DueDiligenceReview]),
    ("risks", &[Kind::Risk]),
    ("submissions", &[Kind::SubmissionRequirement, Kind::SubmissionPackage]),
    ("vulnerability-management", &[Kind::Vulnerability, Kind::VulnerabilityAssessment, Kind::PatchRequirement]),
];

/// A kind of records of the workspace that a target names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetKind {
    /// The key of the module, as links store it.
    pub module_key: &'static str,
    /// The type, as links store it.
    pub resource_type: String,
    /// The kind of the records.
    pub kind: Kind,
}

impl TargetKind {
    /// Returns the kind of records that a module and a type name, in whichever letter case; `None` if the module is no part
    /// of the workspace, so that only another system knows its records.
    ///
    /// # Errors
    /// [`FieldError`] if the module is a part of the workspace and has no records of this type, or if it is the name of a
    /// type itself.
    pub fn find(module_key: &str, resource_type: &str) -> Result<Option<Self>, FieldError> {
        let module = normalized(module_key);
        let Some((module_key, kinds)) = MODULES.iter().find(|(name, _)| *name == module) else {
            return match MODULES.iter().find(|(_, kinds)| kinds.iter().any(|kind| type_of(*kind) == module)) {
                Some((meant, _)) => Err(FieldError::new(
                    "target_module_key",
                    format!("is no module: the one with such records is {meant}"),
                )),
                None => Ok(None),
            };
        };
        let wanted = normalized(resource_type);
        match kinds.iter().find(|kind| type_of(**kind) == wanted) {
            Some(kind) => Ok(Some(Self { module_key, resource_type: wanted, kind: *kind })),
            None => {
                let types: Vec<String> = kinds.iter().map(|kind| type_of(*kind)).collect();
                let message = format!("is none of the module {module_key}, which has {}", types.join(", "));
                Err(FieldError::new("target_resource_type", message))
            }
        }
    }
}

/// The type of the records of a kind.
fn type_of(kind: Kind) -> String {
    normalized(kind.name())
}

fn normalized(name: &str) -> String {
    name.trim().to_lowercase().replace('_', "-")
}
