//! A test harness with a fixed clock, predictable identifiers and readable event payloads.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use findings::{
    EventRenderer, Finding, FindingChange, FindingChangeKind, FindingError, FindingEvent, FindingSource, NewFinding,
    NewFindingEvent, Severity, SourceKind, Status,
};
use kernel::{
    Actor, ActorKind, Attribution, Changeset, Clock, Description, Entropy, Id, OrganizationRef, Origin, Reason,
    RecordKey, Reference, Stored, SubjectGroup, Timestamp, TimestampOracle, Title, WriteContext, WriteTimestamp,
};
use ulid::Ulid;

pub(crate) const NOW: i64 = 1_779_718_113_000;

struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(NOW)
    }
}

#[derive(Default)]
struct CountingEntropy(AtomicU64);

impl Entropy for CountingEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }

    fn ulid(&self, at: Timestamp) -> Ulid {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        Ulid::from_parts(at.millis().unsigned_abs(), u128::from(number))
    }
}

/// Renders an event as `previous>current` status.
pub(crate) struct StatusRenderer;

impl EventRenderer for StatusRenderer {
    fn render(&self, change: &FindingChange<'_>) -> Bytes {
        let previous = match change.kind {
            FindingChangeKind::StatusChanged { previous } => previous.name(),
            _ => "",
        };
        format!("{previous}>{}", change.finding.record.status.name()).into()
    }
}

pub(crate) struct Harness {
    entropy: CountingEntropy,
    organization: OrganizationRef,
    attribution: Attribution,
    reason: Reason,
    timestamps: TimestampOracle,
}

impl Harness {
    pub(crate) fn new() -> Self {
        let organization = Id::new(Ulid::from_parts(1, 1));
        Self {
            entropy: CountingEntropy::default(),
            organization: OrganizationRef { id: organization, slug: "acme".into() },
            attribution: Attribution {
                actor: Actor { kind: ActorKind::System, id: None, name: "test".into() },
                origin: Origin {
                    request_id: Id::new(Ulid::from_parts(1, 2)),
                    method: None,
                    route: None,
                    source_address: None,
                    user_agent: None,
                },
                actor_revision: None,
            },
            reason: Reason::parse("a reason that is long enough").unwrap(),
            timestamps: TimestampOracle::new(Arc::new(FixedClock)),
        }
    }

    pub(crate) fn context(&self) -> WriteContext<'_> {
        WriteContext {
            organization: &self.organization,
            attribution: &self.attribution,
            reason: Some(&self.reason),
            entropy: &self.entropy,
        }
    }

    pub(crate) fn write_timestamp(&self) -> WriteTimestamp {
        self.timestamps.begin()
    }

    /// Records an event about the finding.
    pub(crate) fn record_event(
        &self,
        current: &Stored<Finding>,
        new: NewFindingEvent,
        originals: &[Stored<Finding>],
    ) -> Result<(Changeset, Stored<FindingEvent>, Stored<Finding>), FindingError> {
        findings::record_event(&self.context(), &StatusRenderer, self.write_timestamp(), current, new, originals)
    }

    /// A finding that was created a minute ago and has this status.
    pub(crate) fn finding(&self, key: &str, status: Status) -> Stored<Finding> {
        let at = Timestamp::from_millis(NOW - 60_000);
        let (_, created) = findings::create(
            &self.context(),
            &StatusRenderer,
            self.write_timestamp(),
            NewFinding { status: Some(status), ..new_finding(key) },
        );
        let id = Id::new(self.entropy.ulid(at));
        Stored::new(self.organization.id, id, at, created.record)
    }
}

pub(crate) fn new_finding(key: &str) -> NewFinding {
    NewFinding {
        key: RecordKey::parse(key).unwrap(),
        title: Title::parse("Something is wrong").unwrap(),
        description: None,
        severity: Severity::Medium,
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
        status: None,
    }
}

/// A finding in which every field that a caller can specify has a value.
pub(crate) fn complete_finding(key: &str) -> NewFinding {
    let reference = |text| Some(Reference::parse(text).unwrap());
    NewFinding {
        title: Title::parse("SQL built from user input").unwrap(),
        description: Some(Description::parse("The user name goes into the statement.").unwrap()),
        severity: Severity::Critical,
        source: FindingSource {
            kind: SourceKind::ModuleSignal,
            module_key: reference("semgrep"),
            scope: reference("portal"),
            resource_type: reference("rule"),
            resource_id: reference("java.sqli"),
        },
        subject: Some(SubjectGroup {
            module_key: Reference::parse("code").unwrap(),
            resource_type: Reference::parse("location").unwrap(),
            resource_id: Reference::parse("src/Login.java:42").unwrap(),
        }),
        owner_responsibility_id: reference("resp_1"),
        owner_member_user_id: reference("usr_1"),
        due_at: Some(Timestamp::from_millis(NOW + 86_400_000)),
        ..new_finding(key)
    }
}

/// The events of a changeset, as name and rendered payload.
pub(crate) fn event_names(changeset: &Changeset) -> Vec<String> {
    changeset.events().iter().map(|event| format!("{} {}", event.name, str::from_utf8(&event.body).unwrap())).collect()
}

/// The actions of a changeset's audit entries.
pub(crate) fn audit_actions(changeset: &Changeset) -> Vec<String> {
    changeset.entries().iter().map(|entry| entry.action.to_string()).collect()
}
