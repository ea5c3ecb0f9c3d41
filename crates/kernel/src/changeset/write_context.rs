//! The context in which a write is decided, and the only way to a changeset.

use bytes::Bytes;

use super::{Attribution, Changeset, OutboxEvent};
use crate::{
    entropy::Entropy,
    entry::{Action, Subject},
    id::Id,
    organization::OrganizationRef,
    resource::{Resource, Stored},
    text::Reason,
    timestamp::Timestamp,
    timestamp_oracle::WriteTimestamp,
};

/// The context of a command, besides the state that it changes. It is built in one place from the authenticated
/// principal, or by the server for changes of its own. Every changeset, record and event gets its organization from it.
#[derive(Clone, Copy)]
pub struct WriteContext<'a> {
    /// The organization that the changeset belongs to.
    pub organization: &'a OrganizationRef,
    /// The actor and the request.
    pub attribution: &'a Attribution,
    /// The reason that the actor gave; `None` only where the contract requires none: token calls and the server's own
    /// maintenance.
    pub reason: Option<&'a Reason>,
    /// The source of new identifiers.
    pub entropy: &'a dyn Entropy,
}

impl WriteContext<'_> {
    /// Begins a changeset with its first audit entry, that of the call itself.
    #[must_use]
    pub fn begin(&self, timestamp: WriteTimestamp, action: Action, subject: Option<Subject>) -> Changeset {
        Changeset::new(self, timestamp, action, subject)
    }

    /// Publishes a domain event about a record, as it is after the change. `render` returns the body of the event with
    /// this identifier and time.
    pub fn publish<R: Resource>(
        &self,
        changeset: &mut Changeset,
        about: &Stored<R>,
        name: &'static str,
        render: impl FnOnce(Id<OutboxEvent>, Timestamp) -> Bytes,
    ) {
        // Not before the change that it is about, even if the record has a time of a clock that was wrong.
        let created_at = changeset.at().max(about.meta.updated_at);
        let id = Id::new(self.entropy.ulid(changeset.at()));
        changeset.publish(OutboxEvent {
            id,
            organization: self.organization.id,
            name,
            subject: (R::KIND, about.meta.ulid()),
            revision: about.meta.revision,
            created_at,
            body: render(id, created_at),
        });
    }
}
