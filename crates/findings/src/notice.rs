//! What subscribers are told, and the desk at which commands are decided.

use bytes::Bytes;
use kernel::{
    Action, Attribution, Changeset, Entropy, Id, OrganizationId, OutboxEvent, Reason, Resource, Stamp, Stored, Subject,
    Timestamp,
};

use crate::finding::{Finding, Status};

/// Whose desk it is, as subscribers are told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// The organization.
    pub organization: OrganizationId,
    /// Its slug.
    pub slug: String,
}

/// What a command is decided with, beside the state it is about.
pub struct Desk<'a> {
    /// For new identifiers.
    pub entropy: &'a dyn Entropy,
    /// Writes out what subscribers are told.
    pub renderer: &'a dyn NoticeRenderer,
    /// Whose records these are.
    pub tenant: &'a Tenant,
    /// On whose behalf.
    pub attribution: &'a Attribution,
    /// Why.
    pub reason: &'a Reason,
}

/// What happened to a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// It was recorded, by any way in.
    Created,
    /// Its severity, status, owner or due date changed.
    Updated,
    /// Its status changed.
    StatusChanged {
        /// What it was before.
        previous: Status,
    },
    /// It became closed or accepted.
    Closed,
}

impl Happened {
    /// The event's name in the catalogue (contract v1, webhooks).
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

/// One thing subscribers are told.
#[derive(Debug)]
pub struct Notice<'a> {
    /// Names the event.
    pub id: Id<OutboxEvent>,
    /// When it happened.
    pub created_at: Timestamp,
    /// Whose it is.
    pub tenant: &'a Tenant,
    /// What happened.
    pub happened: Happened,
    /// The finding, as it stands now.
    pub finding: &'a Stored<Finding>,
}

/// Writes out a notice as it is sent. A port, because the shape of what is sent is the API's.
pub trait NoticeRenderer: Send + Sync {
    /// The bytes to send.
    fn render(&self, notice: &Notice<'_>) -> Bytes;
}

impl Desk<'_> {
    /// Opens a changeset for a call that does `action`.
    pub(crate) fn open(&self, stamp: Stamp, action: Action, subject: Option<Subject>) -> Changeset {
        Changeset::new(self.entropy, stamp, self.attribution.clone(), action, subject, Some(self.reason.clone()))
    }

    /// Tells subscribers.
    pub(crate) fn tell(&self, changeset: &mut Changeset, finding: &Stored<Finding>, happened: Happened) {
        let id = Id::new(self.entropy.ulid(changeset.at()));
        // The clock may step back; what happened to a record goes out in the order in which it happened.
        let created_at = finding.meta.updated_at;
        let notice = Notice { id, created_at, tenant: self.tenant, happened, finding };
        changeset.publish(OutboxEvent {
            id,
            organization: self.tenant.organization,
            name: happened.name(),
            subject: (Finding::KIND, finding.meta.ulid()),
            revision: finding.meta.revision,
            created_at,
            body: self.renderer.render(&notice),
        });
    }

    /// Tells subscribers what lies between two states of a finding.
    pub(crate) fn tell_difference(&self, changeset: &mut Changeset, before: &Finding, after: &Stored<Finding>) {
        let now = &after.record;
        let moved = before.status != now.status;
        let noticed = moved
            || before.severity != now.severity
            || before.owner_responsibility_id != now.owner_responsibility_id
            || before.owner_member_user_id != now.owner_member_user_id
            || before.due_at != now.due_at;
        if noticed {
            self.tell(changeset, after, Happened::Updated);
        }
        if moved {
            self.tell(changeset, after, Happened::StatusChanged { previous: before.status });
        }
        if moved && now.status.settles() {
            self.tell(changeset, after, Happened::Closed);
        }
    }
}
