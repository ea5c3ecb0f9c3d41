//! Recording a finding.

use kernel::{
    Action, Change, Changeset, Description, Entropy, Id, RecordKey, Reference, Stamp, Stored, Subject, SubjectGroup,
    Timestamp, Title,
};

use crate::{
    finding::{Finding, FindingSource, Severity, Status},
    notice::{Desk, Happened},
};

pub(crate) const CREATED: Action = Action::new("finding.created");

/// A finding to be recorded. What is `None` was not said.
#[derive(Clone, Debug, PartialEq)]
pub struct NewFinding {
    /// Its key.
    pub key: RecordKey,
    /// What people call it.
    pub title: Title,
    /// What was found.
    pub description: Option<Description>,
    /// How bad it is.
    pub severity: Severity,
    /// Where it came from.
    pub source: FindingSource,
    /// What it is about.
    pub subject: Option<SubjectGroup>,
    /// Which responsibility answers for it.
    pub owner_responsibility_id: Option<Reference>,
    /// Which member answers for it.
    pub owner_member_user_id: Option<Reference>,
    /// Until when it is to be dealt with.
    pub due_at: Option<Timestamp>,
    /// Where it stands already, for findings that come from another system of record; open where `None`.
    pub status: Option<Status>,
}

/// Records a finding. That its key is free shows when the changeset is committed.
#[must_use]
pub fn create(desk: &Desk<'_>, stamp: Stamp, new: NewFinding) -> (Changeset, Stored<Finding>) {
    let at = stamp.at();
    let finding = recorded(desk, new, at);
    let mut changeset = desk.open(stamp, CREATED, Some(Subject::of(finding.meta.id)));
    changeset.changes(Change::between(None, &finding.record));
    changeset.create(&finding);
    desk.tell(&mut changeset, &finding, Happened::Created);
    (changeset, finding)
}

pub(crate) fn recorded(desk: &Desk<'_>, new: NewFinding, at: Timestamp) -> Stored<Finding> {
    Stored::new(desk.tenant.organization, fresh_id(desk.entropy, at), at, new.into_finding(at))
}

pub(crate) fn fresh_id<R>(entropy: &dyn Entropy, at: Timestamp) -> Id<R> {
    Id::new(entropy.ulid(at))
}

impl FindingSource {
    /// The same, with what it does not say as `present` says it.
    fn over(self, present: &Self) -> Self {
        Self {
            kind: self.kind,
            module_key: self.module_key.or_else(|| present.module_key.clone()),
            resource_type: self.resource_type.or_else(|| present.resource_type.clone()),
            resource_id: self.resource_id.or_else(|| present.resource_id.clone()),
        }
    }
}

impl NewFinding {
    fn into_finding(self, at: Timestamp) -> Finding {
        let status = self.status.unwrap_or(Status::Open);
        Finding {
            key: self.key,
            title: self.title,
            description: self.description.unwrap_or_default(),
            severity: self.severity,
            status,
            source: self.source,
            subject: self.subject,
            owner_responsibility_id: self.owner_responsibility_id,
            owner_member_user_id: self.owner_member_user_id,
            due_at: self.due_at,
            closed_at: status.settles().then_some(at),
            lifecycle_instance_id: None,
            duplicate_of: None,
        }
    }

    /// The present finding with the content of this one. What was not said stays, so that a scanner that runs again
    /// takes nobody's owner or due date away; the status is never touched.
    pub(crate) fn content_over(self, present: &Finding) -> Finding {
        Finding {
            title: self.title,
            description: self.description.unwrap_or_else(|| present.description.clone()),
            severity: self.severity,
            source: self.source.over(&present.source),
            subject: self.subject.or_else(|| present.subject.clone()),
            owner_responsibility_id: self.owner_responsibility_id.or_else(|| present.owner_responsibility_id.clone()),
            owner_member_user_id: self.owner_member_user_id.or_else(|| present.owner_member_user_id.clone()),
            due_at: self.due_at.or(present.due_at),
            ..present.clone()
        }
    }
}
