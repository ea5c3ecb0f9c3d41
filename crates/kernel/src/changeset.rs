//! The one shape of a write: everything that is stored together or not at all.

use std::sync::Arc;

use bytes::Bytes;
use ulid::Ulid;

use crate::{
    entry::{Action, Actor, Change, Entry, Origin, Subject},
    id::{Id, Named},
    organization::OrganizationId,
    ports::Entropy,
    resource::{AnyRecord, Kind, Meta, Resource, Revision, Stored},
    stamp::Stamp,
    text::Reason,
    timestamp::Timestamp,
};

/// On whose behalf, and how, a changeset comes about.
#[derive(Clone, Debug)]
pub struct Attribution {
    /// In which organization.
    pub organization: OrganizationId,
    /// Who acts.
    pub actor: Actor,
    /// How the call came in.
    pub origin: Origin,
    /// What the actor's right to act was judged by; the commit fails when it no longer holds.
    pub standing: Option<StandingProof>,
}

/// The revision of the service account that a call was admitted under. A commit checks it again, so an account that was
/// disabled, narrowed or rotated meanwhile changes nothing (contract v1 § 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StandingProof {
    /// The account.
    pub account: Ulid,
    /// Its revision when the call was admitted.
    pub revision: Revision,
}

/// One record to be stored.
#[derive(Clone, Debug)]
pub struct Write {
    /// Its identity and times after the write.
    pub meta: Meta<dyn AnyRecord>,
    /// Its fields after the write.
    pub record: Arc<dyn AnyRecord>,
    /// The revision it must have now; `None` for a record that must not exist.
    pub expected: Option<Revision>,
}

/// Names one use of an idempotency key: per account, operation and concrete path (contract v1 § 4).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey {
    /// The account's organization.
    pub organization: OrganizationId,
    /// The account.
    pub account: Ulid,
    /// What the call does to what: method and concrete path.
    pub operation: String,
    /// The key the client chose.
    pub key: String,
}

/// A SHA-256 of everything that makes two uses of a key the same call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

/// An answer kept to be given again. Opaque to the domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// The headers that belong to it.
    pub headers: Vec<(String, String)>,
    /// Its body, byte for byte.
    pub body: Bytes,
}

/// The idempotency record of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which use of which key.
    pub key: IdempotencyKey,
    /// What the call was.
    pub fingerprint: Fingerprint,
    /// What it is answered with, now and on every replay.
    pub answer: Answer,
    /// Until when the key is kept.
    pub expires_at: Timestamp,
}

/// A domain event, rendered, waiting to be delivered. Every attempt sends these bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxEvent {
    /// Names the event; the same over every attempt and subscriber.
    pub id: Id<OutboxEvent>,
    /// Whose it is.
    pub organization: OrganizationId,
    /// The event's catalogue name: `finding.created`.
    pub name: &'static str,
    /// Which record it is about.
    pub subject: (Kind, Ulid),
    /// That record's revision, which orders the events of one record.
    pub revision: Revision,
    /// When it happened.
    pub created_at: Timestamp,
    /// What is sent.
    pub body: Bytes,
}

impl Named for OutboxEvent {
    const PREFIX: &'static str = "evt";
}

/// Everything one write stores: records, audit entries, the idempotency record and events.
///
/// Its fields are private and its only constructor asks who acts, what is done and why: there is no write without an
/// audit entry.
#[derive(Debug)]
pub struct Changeset {
    stamp: Stamp,
    attribution: Attribution,
    reason: Option<Reason>,
    entries: Vec<Entry>,
    writes: Vec<Write>,
    unchanged: Vec<(Kind, Ulid, Revision)>,
    events: Vec<OutboxEvent>,
    claim: Option<Claim>,
}

impl Changeset {
    /// A changeset with its first audit entry, the one for the call itself.
    ///
    /// `reason` is `None` only where the contract has none: token calls and the installation's own upkeep.
    #[must_use]
    pub fn new(
        entropy: &dyn Entropy,
        stamp: Stamp,
        attribution: Attribution,
        action: Action,
        subject: Option<Subject>,
        reason: Option<Reason>,
    ) -> Self {
        let mut changeset = Self {
            stamp,
            attribution,
            reason,
            entries: Vec::with_capacity(1),
            writes: Vec::new(),
            unchanged: Vec::new(),
            events: Vec::new(),
            claim: None,
        };
        changeset.note(entropy, action, subject, Vec::new());
        changeset
    }

    /// Adds an audit entry for a part of the call, beside the one for the whole.
    pub fn note(&mut self, entropy: &dyn Entropy, action: Action, subject: Option<Subject>, changes: Vec<Change>) {
        let at = self.stamp.at();
        self.entries.push(Entry {
            id: Id::new(entropy.ulid(at)),
            organization: self.attribution.organization,
            occurred_at: at,
            actor: self.attribution.actor.clone(),
            action,
            subject,
            reason: self.reason.clone(),
            changes,
            origin: self.attribution.origin.clone(),
            status: None,
        });
    }

    /// Says what changed, in the entry of the call itself.
    pub fn changes(&mut self, changes: Vec<Change>) {
        if let Some(entry) = self.entries.first_mut() {
            entry.changes = changes;
        }
    }

    /// Stores a record that must not exist yet.
    pub fn create<R: Resource>(&mut self, stored: &Stored<R>) {
        self.write(stored, None);
    }

    /// Stores a record that must still be what it was when this was decided.
    pub fn update<R: Resource>(&mut self, before: &Stored<R>, after: &Stored<R>) {
        self.write(after, Some(before.meta.revision));
    }

    fn write<R: Resource>(&mut self, stored: &Stored<R>, expected: Option<Revision>) {
        self.writes.push(Write { meta: stored.meta.erased(), record: Arc::new(stored.record.clone()), expected });
    }

    /// Asks that a record that is not written here is still what it was when this was decided.
    pub fn expect<R: Resource>(&mut self, read: &Stored<R>) {
        self.unchanged.push((R::KIND, read.meta.ulid(), read.meta.revision));
    }

    /// Adds an event, to be delivered once this is stored.
    pub fn publish(&mut self, event: OutboxEvent) {
        self.events.push(event);
    }

    /// Sets the idempotency record, and with it the status that the entries of the call carry.
    pub fn claim(&mut self, claim: Claim) {
        self.claim = Some(claim);
    }

    /// Sets the status of the answer, which every entry of the call carries.
    pub fn answered(&mut self, status: u16) {
        for entry in &mut self.entries {
            entry.status = Some(status);
        }
    }

    /// The moment the write is stamped with.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.stamp.at()
    }

    /// The stamp, which holds back what catch-up readers may take for complete until this changeset is gone.
    #[must_use]
    pub fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// Whose records these are.
    #[must_use]
    pub fn organization(&self) -> OrganizationId {
        self.attribution.organization
    }

    /// What the actor's right to act was judged by.
    #[must_use]
    pub fn standing(&self) -> Option<StandingProof> {
        self.attribution.standing
    }

    /// The audit entries, that of the call first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The records, in the order they are to be stored.
    #[must_use]
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// The records that must not have changed, with the revisions they must still have.
    #[must_use]
    pub fn unchanged(&self) -> &[(Kind, Ulid, Revision)] {
        &self.unchanged
    }

    /// The events, in the order they happened.
    #[must_use]
    pub fn events(&self) -> &[OutboxEvent] {
        &self.events
    }

    /// The idempotency record.
    #[must_use]
    pub fn idempotency(&self) -> Option<&Claim> {
        self.claim.as_ref()
    }
}
