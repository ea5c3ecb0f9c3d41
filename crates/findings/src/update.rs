//! Updates of findings.

use kernel::{
    Action, Change, Changeset, Description, Patch, Reference, Severity, Stored, Subject, SubjectGroup, Timestamp,
    Title, WriteContext, WriteTimestamp,
};

use crate::{
    change::{EventRenderer, Publisher},
    error::FindingError,
    finding::{Finding, Status},
};

pub(crate) const UPDATED: Action = Action::new("finding.updated");

/// Changes to a finding. A field that is `None` or [`Patch::Keep`] keeps its value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FindingPatch {
    /// The title.
    pub title: Option<Title>,
    /// The description.
    pub description: Option<Description>,
    /// The severity.
    pub severity: Option<Severity>,
    /// The status, which must be an allowed transition from the current one.
    pub status: Option<Status>,
    /// The responsibility that owns it.
    pub owner_responsibility_id: Patch<Reference>,
    /// The member that owns it.
    pub owner_member_user_id: Patch<Reference>,
    /// The due date.
    pub due_at: Patch<Timestamp>,
    /// The module key of the subject.
    pub subject_module_key: Patch<Reference>,
    /// The resource type of the subject.
    pub subject_resource_type: Patch<Reference>,
    /// The resource id of the subject.
    pub subject_resource_id: Patch<Reference>,
}

impl FindingPatch {
    /// Whether no field is to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn apply_to(&self, current: &Finding, at: Timestamp) -> Result<Finding, FindingError> {
        let group = current.subject.as_ref();
        let subject = SubjectGroup::from_parts(
            self.subject_module_key.apply_to(group.map(|group| group.module_key.clone())),
            self.subject_resource_type.apply_to(group.map(|group| group.resource_type.clone())),
            self.subject_resource_id.apply_to(group.map(|group| group.resource_id.clone())),
        )
        .map_err(|invalid| FindingError::Invalid(vec![invalid]))?;
        let with_status = match self.status {
            Some(status) if status != current.status => current.transition(status, at)?,
            _ => current.clone(),
        };
        Ok(Finding {
            title: self.title.clone().unwrap_or_else(|| current.title.clone()),
            description: self.description.clone().unwrap_or_else(|| current.description.clone()),
            severity: self.severity.unwrap_or(current.severity),
            owner_responsibility_id: self.owner_responsibility_id.apply_to(current.owner_responsibility_id.clone()),
            owner_member_user_id: self.owner_member_user_id.apply_to(current.owner_member_user_id.clone()),
            due_at: self.due_at.apply_to(current.due_at),
            subject,
            ..with_status
        })
    }
}

/// Updates a finding. If no value differs, the changeset only holds the audit entry, and the finding keeps its
/// revision.
///
/// # Errors
/// [`FindingError::Transition`] for a status that the lifecycle does not allow; [`FindingError::Invalid`] for an
/// incomplete subject.
pub fn update(
    context: &WriteContext<'_>,
    renderer: &dyn EventRenderer,
    timestamp: WriteTimestamp,
    current: &Stored<Finding>,
    patch: &FindingPatch,
) -> Result<(Changeset, Stored<Finding>), FindingError> {
    let timestamp = timestamp.after([current]);
    let updated = patch.apply_to(&current.record, timestamp.at())?;
    let mut changeset = context.begin(timestamp, UPDATED, Some(Subject::from_id(current.meta.id)));
    if updated == current.record {
        changeset.require_unchanged(current);
        return Ok((changeset, current.clone()));
    }
    let after = current.changed(changeset.at(), updated);
    changeset.set_changes(Change::between(Some(&current.record), &after.record));
    changeset.update(current, &after);
    Publisher { context, renderer }.publish_changes(&mut changeset, &current.record, &after);
    Ok((changeset, after))
}
