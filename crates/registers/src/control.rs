//! Controls: the measures by which an organization limits its risks and meets its obligations.

use std::collections::BTreeSet;

use kernel::{
    Action, AuditFields, Criteria, Description, FieldValue, HasIdPrefix, Kind, RecordKey, Reference, Resource, Stored,
    Title, VersionedSubjectGroup,
};

use crate::sync::RegisterRecord;

/// A control.
#[derive(Clone, Debug, PartialEq)]
pub struct Control {
    /// The key, unique in the organization.
    pub key: RecordKey,
    /// The title.
    pub title: Title,
    /// The description of what the control requires.
    pub description: Description,
    /// The status in the lifecycle.
    pub status: ControlStatus,
    /// The resource that the control is about.
    pub subject: Option<VersionedSubjectGroup>,
    /// The responsibility assignment that owns it; a reference to another module.
    pub owner_responsibility_assignment_id: Option<Reference>,
    /// The projection of its implementation; a reference to another module.
    pub implementation_projection_id: Option<Reference>,
    /// The projection of its compliance; a reference to another module.
    pub compliance_projection_id: Option<Reference>,
}

/// The status of a control in its lifecycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ControlStatus {
    /// In preparation.
    Draft,
    /// In force.
    Active,
    /// No longer in force.
    Retired,
}

impl ControlStatus {
    /// All statuses.
    pub const ALL: &'static [Self] = &[Self::Draft, Self::Active, Self::Retired];

    /// The name in the API, in files and in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }
}

impl HasIdPrefix for Control {
    const PREFIX: &'static str = "ctrl";
}

impl Resource for Control {
    const KIND: Kind = Kind::Control;
    type Filter = ControlFilter;

    fn unique_key(&self) -> Option<&str> {
        Some(self.key.as_str())
    }
}

impl RegisterRecord for Control {
    const CREATED: Action = Action::new("control.created");
    const UPDATED: Action = Action::new("control.updated");
}

impl AuditFields for Control {
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

/// A filter for lists of controls. An empty set matches all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControlFilter {
    /// The statuses.
    pub statuses: BTreeSet<ControlStatus>,
}

impl Criteria<Control> for ControlFilter {
    fn matches(&self, stored: &Stored<Control>) -> bool {
        self.statuses.is_empty() || self.statuses.contains(&stored.record.status)
    }
}
