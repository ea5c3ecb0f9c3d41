//! Changesets: everything that one write stores atomically.

#[cfg(test)]
mod tests;
mod usage;
mod write_context;

use std::sync::Arc;

use bytes::Bytes;
use ulid::Ulid;

use crate::{
    entropy::Entropy,
    entry::{Action, Actor, Change, Entry, Origin, Subject},
    error::StoreError,
    id::{HasIdPrefix, Id},
    idempotency::IdempotencyRecord,
    organization::OrganizationId,
    resource::{AnyRecord, Kind, Meta, Resource, Revision, Stored},
    text::Reason,
    timestamp::Timestamp,
    timestamp_oracle::WriteTimestamp,
};

pub use usage::UsageChange;
pub use write_context::WriteContext;

/// The actor and request that a changeset is attributed to.
#[derive(Clone, Debug)]
pub struct Attribution {
    /// The actor that makes the change.
    pub actor: Actor,
    /// The request or command that makes the change.
    pub origin: Origin,
    /// The revision that authorized the actor; the commit fails if the account or user has changed since.
    pub actor_revision: Option<ActorRevision>,
}

/// The revision of the service account or user that authorized a call. A commit checks it again, so that an account that
/// was disabled, lost scopes or had its secret rotated in the meantime changes nothing (contract v1 § 2), and neither does
/// a user who was disabled or got another role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActorRevision {
    /// [`Kind::ServiceAccount`] or [`Kind::User`].
    pub kind: Kind,
    /// The account or user.
    pub id: Ulid,
    /// The revision when the call was authorized.
    pub revision: Revision,
}

/// One record to store.
#[derive(Clone, Debug)]
pub struct Write {
    /// The record's metadata after the write.
    pub meta: Meta<dyn AnyRecord>,
    /// The record's fields after the write.
    pub record: Arc<dyn AnyRecord>,
    /// The revision the stored record must have at commit; `None` if the record must not exist.
    pub expected: Option<Revision>,
}

/// A rendered domain event in the outbox. Every delivery attempt sends the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxEvent {
    /// The event's identifier, which is the same for all subscriptions and attempts.
    pub id: Id<OutboxEvent>,
    /// The organization of the event.
    pub organization: OrganizationId,
    /// The event's name in the catalogue: `finding.created`.
    pub name: &'static str,
    /// The kind and identifier of the record that the event is about.
    pub subject: (Kind, Ulid),
    /// The revision of that record, which orders the events of one record.
    pub revision: Revision,
    /// The time of the event.
    pub created_at: Timestamp,
    /// The body that is sent.
    pub body: Bytes,
}

impl HasIdPrefix for OutboxEvent {
    const PREFIX: &'static str = "evt";
}

/// Everything that one write stores: records, audit entries, the idempotency record and events.
///
/// The fields are private and the only constructor requires the actor, the action and the reason: there is no write
/// without an audit entry.
#[derive(Debug)]
pub struct Changeset {
    write_timestamp: WriteTimestamp,
    organization: OrganizationId,
    attribution: Attribution,
    reason: Option<Reason>,
    entries: Vec<Entry>,
    writes: Vec<Write>,
    preconditions: Vec<(Kind, Ulid, Revision)>,
    events: Vec<OutboxEvent>,
    idempotency: Option<IdempotencyRecord>,
    usage: Vec<UsageChange>,
}

impl Changeset {
    /// Creates a changeset with its first audit entry, that of the call itself.
    pub(crate) fn new(
        context: &WriteContext<'_>,
        write_timestamp: WriteTimestamp,
        action: Action,
        subject: Option<Subject>,
    ) -> Self {
        let mut changeset = Self {
            write_timestamp,
            organization: context.organization.id,
            attribution: context.attribution.clone(),
            reason: context.reason.cloned(),
            entries: Vec::with_capacity(1),
            writes: Vec::new(),
            preconditions: Vec::new(),
            events: Vec::new(),
            idempotency: None,
            usage: Vec::new(),
        };
        changeset.add_entry(context.entropy, action, subject, Vec::new());
        changeset
    }

    /// Adds an audit entry for a part of the call, in addition to the entry of the call itself.
    pub fn add_entry(&mut self, entropy: &dyn Entropy, action: Action, subject: Option<Subject>, changes: Vec<Change>) {
        let at = self.write_timestamp.at();
        self.entries.push(Entry {
            id: Id::new(entropy.ulid(at)),
            organization: self.organization,
            occurred_at: at,
            wall_clock: self.write_timestamp.differing_clock(),
            actor: self.attribution.actor.clone(),
            action,
            subject,
            reason: self.reason.clone(),
            changes,
            origin: self.attribution.origin.clone(),
            status: None,
        });
    }

    /// Sets the changed fields in the entry of the call itself.
    pub fn set_changes(&mut self, changes: Vec<Change>) {
        if let Some(entry) = self.entries.first_mut() {
            entry.changes = changes;
        }
    }

    /// Adds a record to create, which must not exist yet.
    pub fn create<R: Resource>(&mut self, stored: &Stored<R>) {
        self.write(stored, None);
    }

    /// Adds a record to update, which must still have the revision of `before` at commit. The changeset must have been
    /// begun with a timestamp after the last change of the record ([`WriteTimestamp::after`]).
    pub fn update<R: Resource>(&mut self, before: &Stored<R>, after: &Stored<R>) {
        debug_assert!(
            self.write_timestamp.follows(before.meta.updated_at)
                || self.writes.iter().any(|write| write.meta.ulid() == before.meta.ulid()),
            "the timestamp of the changeset is not after the last change of the {}: begin it with `WriteTimestamp::after`",
            R::KIND
        );
        self.write(after, Some(before.meta.revision));
    }

    fn write<R: Resource>(&mut self, stored: &Stored<R>, expected: Option<Revision>) {
        self.writes.push(Write { meta: stored.meta.erased(), record: Arc::new(stored.record.clone()), expected });
    }

    /// Adds the precondition that a record which is only read must still have this revision at commit.
    pub fn require_unchanged<R: Resource>(&mut self, read: &Stored<R>) {
        self.preconditions.push((R::KIND, read.meta.ulid(), read.meta.revision));
    }

    /// Adds an event, which is delivered after the commit.
    pub fn publish(&mut self, event: OutboxEvent) {
        self.events.push(event);
    }

    /// Sets the idempotency record.
    pub fn set_idempotency(&mut self, record: IdempotencyRecord) {
        self.idempotency = Some(record);
    }

    /// Sets the status of the response in all entries of the call.
    pub fn set_status(&mut self, status: u16) {
        for entry in &mut self.entries {
            entry.status = Some(status);
        }
    }

    /// The timestamp of the write.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.write_timestamp.at()
    }

    /// The guard of the timestamp, which holds back the low watermark until this changeset is dropped.
    #[must_use]
    pub fn write_timestamp(&self) -> &WriteTimestamp {
        &self.write_timestamp
    }

    /// Returns the time from which on something is due, or lasts, that becomes due or begins with this changeset: its
    /// timestamp, or the clock's time if the clock was set back before the timestamp.
    #[must_use]
    pub fn due_at(&self) -> Timestamp {
        self.at().min(self.write_timestamp.clock())
    }

    /// The organization of the records.
    #[must_use]
    pub fn organization(&self) -> OrganizationId {
        self.organization
    }

    /// The revision that authorized the actor, if the actor is a service account or a user.
    #[must_use]
    pub fn actor_revision(&self) -> Option<ActorRevision> {
        self.attribution.actor_revision
    }

    /// Checks that all records, all events and the idempotency key belong to the changeset's organization. Every store
    /// calls this before it stores anything.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if one belongs to another organization: a mistake in the code that built the changeset.
    pub fn check_organization(&self) -> Result<(), StoreError> {
        let own = |organization: OrganizationId| organization == self.organization;
        let is_own = self.writes.iter().all(|write| own(write.meta.organization))
            && self.events.iter().all(|event| own(event.organization))
            && self.idempotency.as_ref().is_none_or(|record| own(record.key.organization));
        if is_own {
            Ok(())
        } else {
            Err(StoreError::Corrupt("the changeset writes to another organization than its own".into()))
        }
    }

    /// The audit entries, the entry of the call first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The records to store, in order.
    #[must_use]
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// The records that must be unchanged, with the revisions they must still have.
    #[must_use]
    pub fn preconditions(&self) -> &[(Kind, Ulid, Revision)] {
        &self.preconditions
    }

    /// The events, in the order in which they happened.
    #[must_use]
    pub fn events(&self) -> &[OutboxEvent] {
        &self.events
    }

    /// The idempotency record.
    #[must_use]
    pub fn idempotency(&self) -> Option<&IdempotencyRecord> {
        self.idempotency.as_ref()
    }
}
