//! Controls: what an organization does to keep its risks in bounds and its obligations met.

use std::collections::BTreeSet;

use kernel::{
    Action, Criteria, Description, FieldValue, Fields, Kind, Named, RecordKey, Reference, Resource, Stored, Title,
    VersionedSubjectGroup,
};

use crate::keep::Register;

/// A control.
#[derive(Clone, Debug, PartialEq)]
pub struct Control {
    /// Its key, unique in the organization.
    pub key: RecordKey,
    /// What people call it.
    pub title: Title,
    /// What it asks for.
    pub description: Description,
    /// Where it stands in its life.
    pub status: ControlStatus,
    /// What it is about.
    pub subject: Option<VersionedSubjectGroup>,
    /// Who answers for it: the assignment of a responsibility, kept elsewhere.
    pub owner_responsibility_assignment_id: Option<Reference>,
    /// Where its implementation is projected, kept elsewhere.
    pub implementation_projection_id: Option<Reference>,
    /// Where its compliance is projected, kept elsewhere.
    pub compliance_projection_id: Option<Reference>,
}

/// Where a control stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ControlStatus {
    /// Being written.
    Draft,
    /// In force.
    Active,
    /// No longer in force.
    Retired,
}

impl ControlStatus {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Draft, Self::Active, Self::Retired];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }
}

impl Named for Control {
    const PREFIX: &'static str = "ctrl";
}

impl Resource for Control {
    const KIND: Kind = Kind::Control;
    type Filter = ControlFilter;

    fn unique_key(&self) -> Option<&str> {
        Some(self.key.as_str())
    }
}

impl Register for Control {
    const CREATED: Action = Action::new("control.created");
    const UPDATED: Action = Action::new("control.updated");
}

impl Fields for Control {
    fn fields(&self) -> Vec<(&'static str, FieldValue)> {
        let group = self.subject.as_ref().map(|subject| &subject.group);
        vec![
            ("control_key", FieldValue::Text(self.key.to_string())),
            ("title", FieldValue::Text(self.title.to_string())),
            ("description", FieldValue::Text(self.description.to_string())),
            ("status", FieldValue::Text(self.status.name().to_owned())),
            ("subject_module_key", group.map(|group| &group.module_key).into()),
            ("subject_resource_type", group.map(|group| &group.resource_type).into()),
            ("subject_resource_id", group.map(|group| &group.resource_id).into()),
            ("subject_version_id", self.subject.as_ref().and_then(|subject| subject.version_id.as_ref()).into()),
            ("owner_responsibility_assignment_id", self.owner_responsibility_assignment_id.as_ref().into()),
            ("implementation_projection_id", self.implementation_projection_id.as_ref().into()),
            ("compliance_projection_id", self.compliance_projection_id.as_ref().into()),
        ]
    }
}

/// What a list of controls can be narrowed by. An empty set means any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControlFilter {
    /// Where they stand.
    pub statuses: BTreeSet<ControlStatus>,
}

impl Criteria<Control> for ControlFilter {
    fn matches(&self, stored: &Stored<Control>) -> bool {
        self.statuses.is_empty() || self.statuses.contains(&stored.record.status)
    }
}
