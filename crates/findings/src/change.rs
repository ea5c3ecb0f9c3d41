//! Domain events about findings, such as `finding.created`. They are published when a finding changes, whereas a
//! [`FindingEvent`](crate::FindingEvent) is reported from outside.

use bytes::Bytes;
use kernel::{Changeset, Id, OrganizationRef, OutboxEvent, Stored, Timestamp, WriteContext};

use crate::finding::{Finding, Status};

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
    /// The time of the change.
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

/// Publishes the events of one command.
#[derive(Clone, Copy)]
pub(crate) struct Publisher<'a> {
    pub(crate) context: &'a WriteContext<'a>,
    pub(crate) renderer: &'a dyn EventRenderer,
}

impl Publisher<'_> {
    /// Publishes one event.
    pub(crate) fn publish(&self, changeset: &mut Changeset, finding: &Stored<Finding>, kind: FindingChangeKind) {
        self.context.publish(changeset, finding, kind.name(), |id, created_at| {
            let organization = self.context.organization;
            self.renderer.render(&FindingChange { id, created_at, organization, kind, finding })
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
