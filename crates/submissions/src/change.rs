//! Domain events about submission packages, such as `submission.package.status_changed`. They are published to
//! subscribers, whereas a [`SubmissionEvent`] is reported from outside.

use bytes::Bytes;
use kernel::{Changeset, Id, OrganizationRef, OutboxEvent, Stored, Timestamp, WriteContext};

use crate::{
    event::SubmissionEvent,
    package::{SubmissionPackage, SubmissionPackageStatus},
};

/// The kind of change of a package, one for each event type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PackageChangeKind<'a> {
    /// An event was recorded.
    EventRecorded {
        /// The event.
        event: &'a Stored<SubmissionEvent>,
    },
    /// The status changed.
    StatusChanged {
        /// The status before the change.
        previous: SubmissionPackageStatus,
    },
}

impl PackageChangeKind<'_> {
    /// The name of the event in the catalogue (contract v1, webhooks).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EventRecorded { .. } => "submission.package.event_recorded",
            Self::StatusChanged { .. } => "submission.package.status_changed",
        }
    }
}

/// A domain event about a package, before it is rendered.
#[derive(Debug)]
pub struct PackageChange<'a> {
    /// The identifier of the domain event.
    pub id: Id<OutboxEvent>,
    /// The time of the change.
    pub created_at: Timestamp,
    /// The organization of the package.
    pub organization: &'a OrganizationRef,
    /// The kind of change.
    pub kind: PackageChangeKind<'a>,
    /// The package after the change.
    pub package: &'a Stored<SubmissionPackage>,
}

/// Renders the payload of a domain event. This is a port because the format of payloads belongs to the API.
pub trait EventRenderer: Send + Sync {
    /// Returns the payload as it is sent.
    fn render(&self, change: &PackageChange<'_>) -> Bytes;
}

/// Publishes a domain event about a package, as it is after the change.
pub(crate) fn publish(
    context: &WriteContext<'_>,
    renderer: &dyn EventRenderer,
    changeset: &mut Changeset,
    package: &Stored<SubmissionPackage>,
    kind: PackageChangeKind<'_>,
) {
    context.publish(changeset, package, kind.name(), |id, created_at| {
        renderer.render(&PackageChange { id, created_at, organization: context.organization, kind, package })
    });
}
