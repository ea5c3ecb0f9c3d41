//! Domain events about evidence claims, such as `evidence.claim.approved`, which are published to subscribers.

use bytes::Bytes;
use kernel::{Changeset, Id, OrganizationRef, OutboxEvent, Stored, Timestamp, WriteContext};

use crate::claim::EvidenceClaim;

/// The kind of change of a claim, one for each event type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimChangeKind {
    /// The claim was made.
    Created,
    /// A reviewer approved the claim.
    Approved,
    /// A reviewer rejected the claim.
    Rejected,
}

impl ClaimChangeKind {
    /// The name of the event in the catalogue (contract v1, webhooks).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "evidence.claim.created",
            Self::Approved => "evidence.claim.approved",
            Self::Rejected => "evidence.claim.rejected",
        }
    }
}

/// A domain event about a claim, before it is rendered.
#[derive(Debug)]
pub struct ClaimChange<'a> {
    /// The identifier of the event.
    pub id: Id<OutboxEvent>,
    /// The time of the change.
    pub created_at: Timestamp,
    /// The organization of the claim.
    pub organization: &'a OrganizationRef,
    /// The kind of change.
    pub kind: ClaimChangeKind,
    /// The claim after the change.
    pub claim: &'a Stored<EvidenceClaim>,
}

/// Renders the payload of an event. This is a port because the format of payloads belongs to the API.
pub trait EventRenderer: Send + Sync {
    /// Returns the payload as it is sent.
    fn render(&self, change: &ClaimChange<'_>) -> Bytes;
}

pub(crate) fn publish(
    context: &WriteContext<'_>,
    renderer: &dyn EventRenderer,
    changeset: &mut Changeset,
    claim: &Stored<EvidenceClaim>,
    kind: ClaimChangeKind,
) {
    context.publish(changeset, claim, kind.name(), |id, created_at| {
        renderer.render(&ClaimChange { id, created_at, organization: context.organization, kind, claim })
    });
}
