//! The contents of a changeset, and the organization that it belongs to.

use std::time::Duration;

use super::*;
use crate::{
    Clock, Fingerprint, IdempotencyKey, Organization, OrganizationRef, Record as _, StoredResponse, TimestampOracle,
    entry::{ActorKind, FieldValue},
};

const NOW: Timestamp = Timestamp::from_millis(1_779_718_113_000);

struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        NOW
    }
}

struct FixedEntropy;

impl Entropy for FixedEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }

    fn ulid(&self, at: Timestamp) -> Ulid {
        Ulid::from_parts(at.millis().unsigned_abs(), 7)
    }
}

fn own() -> OrganizationId {
    Id::new(Ulid(1))
}

fn foreign() -> OrganizationId {
    Id::new(Ulid(2))
}

fn attribution() -> Attribution {
    Attribution {
        actor: Actor { kind: ActorKind::System, id: None, name: "test".into() },
        origin: Origin {
            request_id: Id::new(Ulid(9)),
            method: None,
            route: None,
            source_address: None,
            user_agent: None,
        },
        actor_revision: Some(ActorRevision { kind: Kind::ServiceAccount, id: Ulid(8), revision: Revision(3) }),
    }
}

fn changeset() -> Changeset {
    let context = WriteContext {
        organization: &OrganizationRef { id: own(), slug: "acme".into() },
        attribution: &attribution(),
        reason: Some(&Reason::parse("a reason that is long enough").unwrap()),
        entropy: &FixedEntropy,
    };
    context.begin(TimestampOracle::new(Arc::new(FixedClock)).begin(), Action::new("call.made"), None)
}

fn record(organization: OrganizationId) -> Stored<Organization> {
    Stored::new(organization, Id::new(Ulid(5)), NOW, Organization::example())
}

fn event(organization: OrganizationId) -> OutboxEvent {
    OutboxEvent {
        id: Id::new(Ulid(6)),
        organization,
        name: "finding.created",
        subject: (Kind::Finding, Ulid(5)),
        revision: Revision::FIRST,
        created_at: NOW,
        body: Bytes::new(),
    }
}

fn idempotency(organization: OrganizationId) -> IdempotencyRecord {
    IdempotencyRecord {
        key: IdempotencyKey {
            organization,
            account: Ulid(8),
            operation: "POST /v1/findings".to_owned(),
            key: "k".to_owned(),
        },
        fingerprint: Fingerprint([0; 32]),
        response: StoredResponse { status: 201, headers: Vec::new(), body: Bytes::new() },
        expires_at: NOW + Duration::from_secs(86_400),
    }
}

#[test]
fn a_changeset_begins_with_the_audit_entry_of_its_call() {
    let changeset = changeset();
    let [entry] = changeset.entries() else { panic!("one entry") };
    assert_eq!(entry.action, Action::new("call.made"));
    assert_eq!((entry.organization, entry.occurred_at), (own(), NOW));
    assert_eq!(entry.id.ulid(), FixedEntropy.ulid(NOW));
    assert_eq!((&entry.actor, &entry.origin), (&attribution().actor, &attribution().origin));
    assert_eq!(entry.reason.as_ref().map(Reason::as_str), Some("a reason that is long enough"));
    assert_eq!((entry.subject.clone(), entry.status), (None, None));
    assert!(entry.changes.is_empty());
    assert_eq!((changeset.at(), changeset.write_timestamp().at()), (NOW, NOW));
    assert_eq!((changeset.organization(), changeset.actor_revision()), (own(), attribution().actor_revision));
    assert!(changeset.writes().is_empty() && changeset.events().is_empty() && changeset.preconditions().is_empty());
    assert_eq!(changeset.idempotency(), None);
}

#[test]
fn the_changes_of_a_call_are_set_in_its_own_entry_and_the_status_in_all() {
    let mut changeset = changeset();
    let change = Change { field: "name".into(), before: FieldValue::Null, after: FieldValue::Bool(true) };
    changeset.add_entry(&FixedEntropy, Action::new("part.made"), None, Vec::new());
    changeset.set_changes(vec![change.clone()]);
    changeset.set_status(201);
    let [call, part] = changeset.entries() else { panic!("two entries") };
    assert_eq!((call.changes.as_slice(), part.changes.as_slice()), (&[change][..], &[][..]));
    assert_eq!((call.status, part.status), (Some(201), Some(201)));
    assert_eq!(part.action, Action::new("part.made"));
}

#[test]
fn a_created_record_must_not_exist_and_an_updated_one_must_have_its_previous_revision() {
    let mut changeset = changeset();
    let before = record(own());
    let after = before.changed(changeset.at(), Organization::example());
    changeset.create(&before);
    changeset.update(&before, &after);
    changeset.require_unchanged(&after);
    let [created, updated] = changeset.writes() else { panic!("two writes") };
    assert_eq!((created.expected, created.meta.revision), (None, Revision(1)));
    assert_eq!((updated.expected, updated.meta.revision), (Some(Revision(1)), Revision(2)));
    assert_eq!(updated.record.as_any().downcast_ref(), Some(&after.record));
    assert_eq!(changeset.preconditions(), [(Kind::Organization, Ulid(5), Revision(2))]);
}

#[test]
fn events_and_the_idempotency_record_are_stored_as_they_are() {
    let mut changeset = changeset();
    changeset.publish(event(own()));
    changeset.set_idempotency(idempotency(own()));
    assert_eq!(changeset.events(), [event(own())]);
    assert_eq!(changeset.idempotency(), Some(&idempotency(own())));
}

#[test]
fn a_changeset_stores_only_what_belongs_to_its_own_organization() {
    let checked = |record_of, event_of, key_of| {
        let mut changeset = changeset();
        changeset.create(&record(record_of));
        changeset.publish(event(event_of));
        changeset.set_idempotency(idempotency(key_of));
        changeset.check_organization()
    };
    assert!(changeset().check_organization().is_ok(), "it stores nothing but its audit entry");
    assert!(checked(own(), own(), own()).is_ok());
    for outcome in [
        checked(foreign(), own(), own()),
        checked(own(), foreign(), own()),
        checked(own(), own(), foreign()),
        checked(foreign(), foreign(), foreign()),
    ] {
        assert!(matches!(outcome, Err(StoreError::Corrupt(_))), "{outcome:?}");
    }
}

#[test]
fn one_foreign_record_among_the_own_ones_is_noticed() {
    let mut changeset = changeset();
    changeset.create(&record(own()));
    changeset.create(&record(foreign()));
    assert!(changeset.check_organization().is_err());
}

#[test]
fn a_published_event_is_about_the_revision_of_its_record() {
    let (organization, attribution) = (OrganizationRef { id: own(), slug: "acme".into() }, attribution());
    let context =
        WriteContext { organization: &organization, attribution: &attribution, reason: None, entropy: &FixedEntropy };
    let mut changeset = changeset();
    let about = record(own()).changed(NOW, Organization::example());
    let created_at = about.meta.updated_at;
    assert_eq!(created_at, NOW + Duration::from_millis(1));
    context.publish(&mut changeset, &about, "organization.renamed", |id, at| format!("{id} at {at}").into());
    let id = Id::new(FixedEntropy.ulid(NOW));
    let expected = OutboxEvent {
        id,
        organization: own(),
        name: "organization.renamed",
        subject: (Kind::Organization, Ulid(5)),
        revision: Revision(2),
        created_at,
        body: format!("{id} at {created_at}").into(),
    };
    assert_eq!(changeset.events(), [expected]);
}
