//! Domain events about findings, and the context in which commands run.

use bytes::Bytes;
use kernel::{
    Action, Attribution, Changeset, Entropy, Id, OrganizationId, OutboxEvent, Reason, Resource, Stored, Subject,
    Timestamp, WriteTimestamp,
};

use crate::finding::{Finding, Status};

/// The organization that a command runs for, as event payloads contain it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationRef {
    /// The identifier.
    pub id: OrganizationId,
    /// The slug.
    pub slug: String,
}

/// The context of a command besides the state that it changes.
pub struct WriteContext<'a> {
    /// Source of randomness for new identifiers.
    pub entropy: &'a dyn Entropy,
    /// Renders the payloads of events.
    pub renderer: &'a dyn EventRenderer,
    /// The organization that the records belong to.
    pub organization: &'a OrganizationRef,
    /// The actor and the organization of the audit entries.
    pub attribution: &'a Attribution,
    /// The reason that the actor gave.
    pub reason: &'a Reason,
}

/// The kind of change of a finding, one for each event type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingChangeKind {
    /// The finding was created, in any way.
    Created,
    /// The severity, status, owner or due date changed.
    Updated,
    /// The status changed.
    StatusChanged {
        /// The status before the change.
        previous: Status,
    },
    /// The finding became closed or accepted.
    Closed,
}

impl FindingChangeKind {
    /// The name of the event in the catalogue (contract v1, webhooks).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "finding.created",
            Self::Updated => "finding.updated",
            Self::StatusChanged { .. } => "finding.status_changed",
            Self::Closed => "finding.closed",
        }
    }
}

/// A domain event about a finding, before it is rendered.
#[derive(Debug)]
pub struct FindingChange<'a> {
    /// The identifier of the event.
    pub id: Id<OutboxEvent>,
    /// When the change happened.
    pub created_at: Timestamp,
    /// The organization of the finding.
    pub organization: &'a OrganizationRef,
    /// The kind of change.
    pub kind: FindingChangeKind,
    /// The finding after the change.
    pub finding: &'a Stored<Finding>,
}

/// Renders the payload of an event. This is a port because the format of payloads belongs to the API.
pub trait EventRenderer: Send + Sync {
    /// Returns the payload as it is sent.
    fn render(&self, change: &FindingChange<'_>) -> Bytes;
}

impl WriteContext<'_> {
    /// Begins a changeset for a command with this action.
    pub(crate) fn begin(&self, timestamp: WriteTimestamp, action: Action, subject: Option<Subject>) -> Changeset {
        Changeset::new(self.entropy, timestamp, self.attribution.clone(), action, subject, Some(self.reason.clone()))
    }

    /// Publishes one event.
    pub(crate) fn publish(&self, changeset: &mut Changeset, finding: &Stored<Finding>, happened: FindingChangeKind) {
        let id = Id::new(self.entropy.ulid(changeset.at()));
        // The time of the change, not of the clock, which may step back: events about a record stay in order.
        let created_at = finding.meta.updated_at;
        let change = FindingChange { id, created_at, organization: self.organization, kind: happened, finding };
        changeset.publish(OutboxEvent {
            id,
            organization: self.organization.id,
            name: happened.name(),
            subject: (Finding::KIND, finding.meta.ulid()),
            revision: finding.meta.revision,
            created_at,
            body: self.renderer.render(&change),
        });
    }

    /// Publishes the events for the differences between two states of a finding.
    pub(crate) fn publish_changes(&self, changeset: &mut Changeset, before: &Finding, after: &Stored<Finding>) {
        let current = &after.record;
        let status_changed = before.status != current.status;
        let is_relevant = status_changed
            || before.severity != current.severity
            || before.owner_responsibility_id != current.owner_responsibility_id
            || before.owner_member_user_id != current.owner_member_user_id
            || before.due_at != current.due_at;
        if is_relevant {
            self.publish(changeset, after, FindingChangeKind::Updated);
        }
        if status_changed {
            self.publish(changeset, after, FindingChangeKind::StatusChanged { previous: before.status });
        }
        if status_changed && current.status.is_resolved() {
            self.publish(changeset, after, FindingChangeKind::Closed);
        }
    }
}
