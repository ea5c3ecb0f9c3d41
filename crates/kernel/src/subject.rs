//! The subject group: what a record is about, in any module or outside (contract v1, resources).

use crate::{error::Invalid, text::Reference};

/// Names what a record is about. Its three parts stand or fall together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectGroup {
    /// The module, or the system outside.
    pub module_key: Reference,
    /// The type of resource there.
    pub resource_type: Reference,
    /// Its identifier there.
    pub resource_id: Reference,
}

/// The same, at one version of what it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionedSubjectGroup {
    /// What it names.
    pub group: SubjectGroup,
    /// Which version of it, where that matters.
    pub version_id: Option<Reference>,
}

impl SubjectGroup {
    /// The group of three parts, if all are there or none.
    ///
    /// # Errors
    /// [`Invalid`], naming the first part that is missing.
    pub fn of_parts(
        module_key: Option<Reference>,
        resource_type: Option<Reference>,
        resource_id: Option<Reference>,
    ) -> Result<Option<Self>, Invalid> {
        match (module_key, resource_type, resource_id) {
            (None, None, None) => Ok(None),
            (Some(module_key), Some(resource_type), Some(resource_id)) => {
                Ok(Some(Self { module_key, resource_type, resource_id }))
            }
            (module_key, resource_type, _) => {
                let missing = match (module_key, resource_type) {
                    (None, _) => "subject_module_key",
                    (_, None) => "subject_resource_type",
                    _ => "subject_resource_id",
                };
                Err(Invalid::new(
                    missing,
                    "a subject has a module key, a resource type and a resource id, or none of them",
                ))
            }
        }
    }
}
