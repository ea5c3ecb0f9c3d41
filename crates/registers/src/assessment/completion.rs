//! The domain event about an assessment that was completed.

use bytes::Bytes;
use kernel::{Changeset, Id, OrganizationRef, OutboxEvent, Stored, Timestamp, WriteContext};

use super::Assessment;

/// The completion of an assessment, before it is rendered.
#[derive(Debug)]
pub struct AssessmentCompletion<'a> {
    /// The identifier of the domain event.
    pub id: Id<OutboxEvent>,
    /// The time at which the completion was recorded.
    pub created_at: Timestamp,
    /// The organization of the assessment.
    pub organization: &'a OrganizationRef,
    /// The completed assessment.
    pub assessment: &'a Stored<Assessment>,
}

impl AssessmentCompletion<'_> {
    /// The name of the event in the catalogue (contract v1, webhooks).
    pub const NAME: &'static str = "assessment.completed";
}

/// Renders the payload of a completion. This is a port because the format of payloads belongs to the API.
pub trait CompletionRenderer: Send + Sync {
    /// Returns the payload as it is sent.
    fn render(&self, completion: &AssessmentCompletion<'_>) -> Bytes;
}

/// Publishes that an assessment was completed: by a command, or by an import that creates it so.
pub fn publish_completion(
    context: &WriteContext<'_>,
    renderer: &dyn CompletionRenderer,
    changeset: &mut Changeset,
    assessment: &Stored<Assessment>,
) {
    context.publish(changeset, assessment, AssessmentCompletion::NAME, |id, created_at| {
        renderer.render(&AssessmentCompletion { id, created_at, organization: context.organization, assessment })
    });
}
