//! Creation of findings.

use kernel::{
    Action, Change, Changeset, Description, Entropy, Id, RecordKey, Reference, Severity, Stored, Subject, SubjectGroup,
    Timestamp, Title, WriteContext, WriteTimestamp,
};

use crate::{
    change::{EventRenderer, FindingChangeKind, Publisher},
    finding::{Finding, FindingSource, Status},
};

pub(crate) const CREATED: Action = Action::new("finding.created");

/// The fields of a new finding. `None` means that the caller did not specify the field.
#[derive(Clone, Debug, PartialEq)]
pub struct NewFinding {
    /// The key, unique in the organization.
    pub key: RecordKey,
    /// The title.
    pub title: Title,
    /// The description of the problem.
    pub description: Option<Description>,
    /// The severity.
    pub severity: Severity,
    /// The origin of the finding.
    pub source: FindingSource,
    /// The resource that the finding is about.
    pub subject: Option<SubjectGroup>,
    /// The responsibility that owns it.
    pub owner_responsibility_id: Option<Reference>,
    /// The member that owns it.
    pub owner_member_user_id: Option<Reference>,
    /// The due date.
    pub due_at: Option<Timestamp>,
    /// The initial status, for findings from another system of record; open if `None`.
    pub status: Option<Status>,
}

/// Creates a finding. Whether its key is unique is checked when the changeset is committed.
#[must_use]
pub fn create(
    context: &WriteContext<'_>,
    renderer: &dyn EventRenderer,
    timestamp: WriteTimestamp,
    new: NewFinding,
) -> (Changeset, Stored<Finding>) {
    let at = timestamp.at();
    let finding = new_record(context, new, at);
    let mut changeset = context.begin(timestamp, CREATED, Some(Subject::from_id(finding.meta.id)));
    changeset.set_changes(Change::between(None, &finding.record));
    changeset.create(&finding);
    Publisher { context, renderer }.publish(&mut changeset, &finding, FindingChangeKind::Created);
    (changeset, finding)
}

pub(crate) fn new_record(context: &WriteContext<'_>, new: NewFinding, at: Timestamp) -> Stored<Finding> {
    Stored::new(context.organization.id, new_id(context.entropy, at), at, new.into_finding(at))
}

pub(crate) fn new_id<R>(entropy: &dyn Entropy, at: Timestamp) -> Id<R> {
    Id::new(entropy.ulid(at))
}

impl FindingSource {
    /// Returns the source with unspecified fields taken from `current`.
    fn merged_onto(self, current: &Self) -> Self {
        Self {
            kind: self.kind,
            module_key: self.module_key.or_else(|| current.module_key.clone()),
            scope: self.scope.or_else(|| current.scope.clone()),
            resource_type: self.resource_type.or_else(|| current.resource_type.clone()),
            resource_id: self.resource_id.or_else(|| current.resource_id.clone()),
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
            closed_at: status.is_resolved().then_some(at),
            lifecycle_instance_id: None,
            duplicate_of: None,
        }
    }

    /// Returns the current finding with the content of this one. Unspecified fields keep their value, so that a
    /// repeated scan does not remove an owner or a due date. The status is never changed.
    pub(crate) fn merged_onto(self, current: &Finding) -> Finding {
        Finding {
            title: self.title,
            description: self.description.unwrap_or_else(|| current.description.clone()),
            severity: self.severity,
            source: self.source.merged_onto(&current.source),
            subject: self.subject.or_else(|| current.subject.clone()),
            owner_responsibility_id: self.owner_responsibility_id.or_else(|| current.owner_responsibility_id.clone()),
            owner_member_user_id: self.owner_member_user_id.or_else(|| current.owner_member_user_id.clone()),
            due_at: self.due_at.or(current.due_at),
            ..current.clone()
        }
    }
}
