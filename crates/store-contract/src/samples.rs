//! Sample records and writes, for tests whose subject is something else.

mod record;
mod webhooks;

use std::{borrow::Cow, time::Duration};

use audit::{Head, Seal, StoredEntry, hash_entry};
use auth::{AccountLimits, AccountStatus, SecretHash, ServiceAccount, StoredSecret};
use bytes::Bytes;
use findings::{EventKind, Finding, FindingEvent, FindingSource, Severity, SourceKind, Status};
use kernel::{
    Action, Actor, ActorKind, ActorRevision, Attribution, Change, Changeset, Description, Email, Entropy, Entry,
    FieldValue, Fingerprint, Id, IdempotencyKey, IdempotencyRecord, Organization, OrganizationId, OrganizationRef,
    Origin, OutboxEvent, Reason, RecordKey, Reference, Resource, Slug, Stored, StoredResponse, Subject, SubjectGroup,
    Timestamp, Title, VersionedSubjectGroup, WriteContext, WriteTimestamp,
};
use registers::{Control, DefinitionStatus};
use scopes::ScopeSet;
use ulid::Ulid;

pub use record::{record, with_ids, with_value_of};
pub use webhooks::{attempt, delivery, endpoint, full_delivery, full_subscription, subscription, with_status};

/// An organization with this slug.
#[must_use]
pub fn organization(slug: &str) -> Organization {
    Organization {
        slug: Slug::parse(slug).unwrap(),
        name: title("Prairie Lakes Credit Union"),
        locale: key("en-US"),
        timezone: key("America/Denver"),
    }
}

/// An active service account with one secret and every scope.
#[must_use]
pub fn account(name: &str) -> ServiceAccount {
    let secret = SecretHash::new("$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA");
    ServiceAccount::open(title(name), None, ScopeSet::all(), None, secret, Timestamp::MIN).unwrap()
}

/// A disabled service account with every optional field set.
#[must_use]
pub fn full_account(name: &str, at: Timestamp) -> ServiceAccount {
    let old = StoredSecret {
        hash: SecretHash::new("$argon2id$v=19$m=8,t=1,p=1$b2xk$aGFzaA"),
        expires_at: Some(at + Duration::from_secs(60)),
    };
    let mut account = account(name);
    account.secrets.push(old);
    account.contact = Some(Email::parse("ops@prairielakes.example").unwrap());
    account.status = AccountStatus::Disabled;
    account.expires_at = Some(at + Duration::from_secs(86_400));
    account.limits = AccountLimits { reads: Some(1_200), writes: Some(u32::MAX) };
    account
}

/// A draft control with no optional field set.
#[must_use]
pub fn control(record_key: &str) -> Control {
    Control {
        key: key(record_key),
        title: title("Dual approval of wire transfers"),
        description: description(""),
        status: DefinitionStatus::Draft,
        subject: None,
        owner_responsibility_assignment_id: None,
        implementation_projection_id: None,
        compliance_projection_id: None,
    }
}

/// An active control with every optional field set.
#[must_use]
pub fn full_control(record_key: &str) -> Control {
    Control {
        description: description("Two people approve.\n\tBoth sign; “neither” alone. 🏦 'quoted' \"twice\" \\ %_"),
        status: DefinitionStatus::Active,
        subject: Some(VersionedSubjectGroup { group: subject("wire-desk"), version_id: Some(reference("v3")) }),
        owner_responsibility_assignment_id: Some(reference("assignment 1")),
        implementation_projection_id: Some(reference("projection 2")),
        compliance_projection_id: Some(reference("projection 3")),
        ..control(record_key)
    }
}

/// An open finding with no optional field set.
#[must_use]
pub fn finding(record_key: &str) -> Finding {
    Finding {
        key: key(record_key),
        title: title("Member portal accepts TLS 1.0"),
        description: description(""),
        severity: Severity::Medium,
        status: Status::Open,
        source: FindingSource {
            kind: SourceKind::Manual,
            module_key: None,
            scope: None,
            resource_type: None,
            resource_id: None,
        },
        subject: None,
        owner_responsibility_id: None,
        owner_member_user_id: None,
        due_at: None,
        closed_at: None,
        lifecycle_instance_id: None,
        duplicate_of: None,
    }
}

/// A closed finding with every optional field set; it is a duplicate of `original`.
#[must_use]
pub fn full_finding(record_key: &str, original: Id<Finding>, at: Timestamp) -> Finding {
    Finding {
        description: description("Seen by the scanner.\n\tThrice: “once” would do. 🔓 'quoted' \"twice\" \\ %_"),
        severity: Severity::Critical,
        status: Status::Closed,
        source: FindingSource {
            kind: SourceKind::ModuleSignal,
            module_key: Some(reference("semgrep")),
            scope: Some(reference("portal")),
            resource_type: Some(reference("rule")),
            resource_id: Some(reference("java.lang.security.audit.sqli")),
        },
        subject: Some(subject("src/main/java/Login.java:42")),
        owner_responsibility_id: Some(reference("responsibility 1")),
        owner_member_user_id: Some(reference("member 2")),
        due_at: Some(at + Duration::from_millis(1)),
        closed_at: Some(at),
        lifecycle_instance_id: Some(reference("lifecycle 3")),
        duplicate_of: Some(original),
        ..finding(record_key)
    }
}

/// A finding event: a comment on this finding.
#[must_use]
pub fn finding_event(finding: Id<Finding>, occurred_at: Timestamp) -> FindingEvent {
    FindingEvent {
        finding_id: finding,
        kind: EventKind::Comment,
        note: None,
        external_reference: None,
        duplicate_of: None,
        occurred_at,
    }
}

/// A subject of a record, with this resource id.
#[must_use]
pub fn subject(resource_id: &str) -> SubjectGroup {
    SubjectGroup {
        module_key: reference("core-banking"),
        resource_type: reference("system"),
        resource_id: reference(resource_id),
    }
}

/// The attribution of a write to a sample service account, without a required
/// [`ActorRevision`](kernel::ActorRevision).
#[must_use]
pub fn attribution(entropy: &dyn Entropy, at: Timestamp) -> Attribution {
    let actor = Actor {
        kind: ActorKind::ServiceAccount,
        id: Some("svc_01JZSCANNER000000000000000".into()),
        name: "scanner".into(),
    };
    Attribution { actor, origin: origin(entropy, at), actor_revision: None }
}

/// The origin of a write: an HTTP request.
#[must_use]
pub fn origin(entropy: &dyn Entropy, at: Timestamp) -> Origin {
    Origin {
        request_id: Id::new(entropy.ulid(at)),
        method: Some(Cow::Borrowed("POST")),
        route: Some(Cow::Borrowed("/api/v1/governance/findings")),
        source_address: Some("192.0.2.7".to_owned()),
        user_agent: Some("scanner/1.0".to_owned()),
    }
}

/// A changeset with no write, only the audit entry of the request.
#[must_use]
pub fn changeset(entropy: &dyn Entropy, timestamp: WriteTimestamp, organization: OrganizationId) -> Changeset {
    begin(entropy, organization, attribution(entropy, timestamp.at()), timestamp)
}

/// A changeset as [`changeset`] makes it, which can only be committed while the account still has this revision.
#[must_use]
pub fn changeset_for_account(
    entropy: &dyn Entropy,
    timestamp: WriteTimestamp,
    organization: OrganizationId,
    actor: ActorRevision,
) -> Changeset {
    let attribution = Attribution { actor_revision: Some(actor), ..attribution(entropy, timestamp.at()) };
    begin(entropy, organization, attribution, timestamp)
}

/// A reference to the organization with this identifier.
#[must_use]
pub fn organization_ref(id: OrganizationId) -> OrganizationRef {
    OrganizationRef { id, slug: "sample".into() }
}

fn begin(
    entropy: &dyn Entropy,
    organization: OrganizationId,
    attribution: Attribution,
    timestamp: WriteTimestamp,
) -> Changeset {
    let organization = &organization_ref(organization);
    WriteContext { organization, attribution: &attribution, reason: Some(&reason()), entropy }.begin(
        timestamp,
        Action::new("finding.created"),
        None,
    )
}

/// An audit entry with no optional field set.
#[must_use]
pub fn entry(entropy: &dyn Entropy, organization: OrganizationId, occurred_at: Timestamp) -> Entry {
    Entry {
        id: Id::new(entropy.ulid(occurred_at)),
        organization,
        occurred_at,
        wall_clock: None,
        actor: Actor { kind: ActorKind::System, id: None, name: "novantra".into() },
        action: Action::new("finding.listed"),
        subject: None,
        reason: None,
        changes: Vec::new(),
        origin: Origin {
            request_id: Id::new(entropy.ulid(occurred_at)),
            method: None,
            route: None,
            source_address: None,
            user_agent: None,
        },
        status: None,
    }
}

/// An audit entry with every optional field set.
#[must_use]
pub fn full_entry(entropy: &dyn Entropy, organization: OrganizationId, occurred_at: Timestamp) -> Entry {
    let change = |field: &'static str, before, after| Change { field: Cow::Borrowed(field), before, after };
    let text = |text: &str| FieldValue::Text(text.to_owned());
    let attribution = attribution(entropy, occurred_at);
    Entry {
        actor: attribution.actor,
        action: Action::new("finding.updated"),
        subject: Some(Subject { kind: Cow::Borrowed("finding"), id: "find_01JZ0000000000000000000000".to_owned() }),
        reason: Some(reason()),
        changes: vec![
            change("due_at", FieldValue::Null, text("2026-05-25T14:08:33.000Z")),
            change("title", text(""), text("“quoted” \\ 🔓")),
            change("enabled", FieldValue::Bool(true), FieldValue::Bool(false)),
            change("limit", FieldValue::Integer(-1), FieldValue::Integer(1 << 53)),
            change("scopes", FieldValue::Texts(Vec::new()), FieldValue::Texts(vec!["a".to_owned(), String::new()])),
        ],
        origin: attribution.origin,
        status: Some(200),
        wall_clock: Some(occurred_at - std::time::Duration::from_secs(7200)),
        ..entry(entropy, organization, occurred_at)
    }
}

/// An outbox event about the stored record.
#[must_use]
pub fn outbox_event<R: Resource>(entropy: &dyn Entropy, stored: &Stored<R>) -> OutboxEvent {
    OutboxEvent {
        id: Id::new(entropy.ulid(stored.meta.updated_at)),
        organization: stored.meta.organization,
        name: "finding.created",
        subject: (R::KIND, stored.meta.ulid()),
        revision: stored.meta.revision,
        created_at: stored.meta.updated_at,
        body: Bytes::from_static(b"{}"),
    }
}

/// The idempotency record of a request that created a finding. It expires one day after `at`.
#[must_use]
pub fn idempotency_record(organization: OrganizationId, client_key: &str, at: Timestamp) -> IdempotencyRecord {
    IdempotencyRecord {
        key: IdempotencyKey {
            organization,
            account: Ulid::from_parts(1_700_000_000_000, 7),
            operation: "POST /api/v1/governance/findings".to_owned(),
            key: client_key.to_owned(),
        },
        fingerprint: Fingerprint([7; 32]),
        response: StoredResponse {
            status: 201,
            headers: vec![
                ("location".to_owned(), "/api/v1/governance/findings/find_1".to_owned()),
                ("etag".to_owned(), "\"1\"".to_owned()),
            ],
            body: Bytes::from_static(b"{\"finding\":{}}\n\0\xff"),
        },
        expires_at: at + Duration::from_secs(86_400),
    }
}

/// These entries of one organization, sealed after this head.
#[must_use]
pub fn sealed_entries(entries: Vec<Entry>, mut head: Head) -> Vec<StoredEntry> {
    let seal = |entry: Entry| {
        let (sequence, previous_hash) = (head.sequence + 1, head.hash);
        let hash = hash_entry(&entry, sequence, previous_hash);
        head = Head { sequence, hash };
        StoredEntry { entry, seal: Some(Seal { sequence, previous_hash, hash }) }
    };
    entries.into_iter().map(seal).collect()
}

/// A sample reason for the audit log.
#[must_use]
pub fn reason() -> Reason {
    Reason::parse("because a test says so").unwrap()
}

/// A record key with this text.
#[must_use]
pub fn key(text: &str) -> RecordKey {
    RecordKey::parse(text).unwrap()
}

/// A title with this text.
#[must_use]
pub fn title(text: &str) -> Title {
    Title::parse(text).unwrap()
}

/// A description with this text.
#[must_use]
pub fn description(text: &str) -> Description {
    Description::parse(text).unwrap()
}

/// A reference with this text.
#[must_use]
pub fn reference(text: &str) -> Reference {
    Reference::parse(text).unwrap()
}
