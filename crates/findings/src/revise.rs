//! Changing a finding.

use kernel::{
    Action, Change, Changeset, Description, Reference, Stamp, Stored, Subject, SubjectGroup, Timestamp, Title,
};

use crate::{
    finding::{Finding, Severity, Status},
    notice::Desk,
    refusal::Refusal,
};

pub(crate) const UPDATED: Action = Action::new("finding.updated");

/// What becomes of a field that may be empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Set<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It is emptied.
    Clear,
    /// It becomes this.
    To(T),
}

impl<T: Clone> Set<T> {
    fn over(&self, present: Option<T>) -> Option<T> {
        match self {
            Self::Keep => present,
            Self::Clear => None,
            Self::To(value) => Some(value.clone()),
        }
    }

    /// Whether the field was named at all.
    #[must_use]
    pub const fn is_named(&self) -> bool {
        !matches!(self, Self::Keep)
    }
}

/// What is to change. A field that is `None` or [`Set::Keep`] stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Revision {
    /// The title.
    pub title: Option<Title>,
    /// The description.
    pub description: Option<Description>,
    /// The severity.
    pub severity: Option<Severity>,
    /// The status, which must be one that may follow the present one.
    pub status: Option<Status>,
    /// Which responsibility answers for it.
    pub owner_responsibility_id: Set<Reference>,
    /// Which member answers for it.
    pub owner_member_user_id: Set<Reference>,
    /// Until when it is to be dealt with.
    pub due_at: Set<Timestamp>,
    /// The subject's module.
    pub subject_module_key: Set<Reference>,
    /// The subject's type.
    pub subject_resource_type: Set<Reference>,
    /// The subject's identifier.
    pub subject_resource_id: Set<Reference>,
}

impl Revision {
    /// Whether it names no field at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn over(&self, present: &Finding, at: Timestamp) -> Result<Finding, Refusal> {
        let group = present.subject.as_ref();
        let subject = SubjectGroup::of_parts(
            self.subject_module_key.over(group.map(|group| group.module_key.clone())),
            self.subject_resource_type.over(group.map(|group| group.resource_type.clone())),
            self.subject_resource_id.over(group.map(|group| group.resource_id.clone())),
        )
        .map_err(|invalid| Refusal::Invalid(vec![invalid]))?;
        let moved = match self.status {
            Some(status) if status != present.status => present.moved(status, at)?,
            _ => present.clone(),
        };
        Ok(Finding {
            title: self.title.clone().unwrap_or_else(|| present.title.clone()),
            description: self.description.clone().unwrap_or_else(|| present.description.clone()),
            severity: self.severity.unwrap_or(present.severity),
            owner_responsibility_id: self.owner_responsibility_id.over(present.owner_responsibility_id.clone()),
            owner_member_user_id: self.owner_member_user_id.over(present.owner_member_user_id.clone()),
            due_at: self.due_at.over(present.due_at),
            subject,
            ..moved
        })
    }
}

/// Changes a finding. Where nothing differs, the call is on record and the finding stays at its revision.
///
/// # Errors
/// [`Refusal::Transition`] for a status that may not follow; [`Refusal::Invalid`] for half a subject.
pub fn revise(
    desk: &Desk<'_>,
    stamp: Stamp,
    present: &Stored<Finding>,
    revision: &Revision,
) -> Result<(Changeset, Stored<Finding>), Refusal> {
    let revised = revision.over(&present.record, stamp.at())?;
    let mut changeset = desk.open(stamp, UPDATED, Some(Subject::of(present.meta.id)));
    if revised == present.record {
        changeset.expect(present);
        return Ok((changeset, present.clone()));
    }
    let after = present.changed(changeset.at(), revised);
    changeset.changes(Change::between(Some(&present.record), &after.record));
    changeset.update(present, &after);
    desk.tell_difference(&mut changeset, &present.record, &after);
    Ok((changeset, after))
}
