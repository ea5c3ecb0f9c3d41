//! A test harness with a fixed clock, predictable identifiers and readable event payloads.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use findings::{
    Desk, Finding, FindingSource, Happened, NewFinding, Notice, NoticeRenderer, Severity, SourceKind, Status, Tenant,
};
use kernel::{
    Actor, ActorKind, Attribution, Changeset, Clock, Entropy, Id, Origin, Reason, RecordKey, Stored, Timestamp,
    TimestampOracle, Title, WriteTimestamp,
};
use ulid::Ulid;

pub(crate) const NOW: i64 = 1_779_718_113_000;

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(NOW)
    }
}

#[derive(Default)]
struct Counter(AtomicU64);

impl Entropy for Counter {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }

    fn ulid(&self, at: Timestamp) -> Ulid {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        Ulid::from_parts(at.millis().unsigned_abs(), u128::from(number))
    }
}

/// Renders an event as `previous>current` status.
struct Terse;

impl NoticeRenderer for Terse {
    fn render(&self, change: &Notice<'_>) -> Bytes {
        let previous = match change.happened {
            Happened::StatusChanged { previous } => previous.name(),
            _ => "",
        };
        format!("{previous}>{}", change.finding.record.status.name()).into()
    }
}

pub(crate) struct Office {
    entropy: Counter,
    tenant: Tenant,
    attribution: Attribution,
    reason: Reason,
    stamps: TimestampOracle,
}

impl Office {
    pub(crate) fn open() -> Self {
        let organization = Id::new(Ulid::from_parts(1, 1));
        Self {
            entropy: Counter::default(),
            tenant: Tenant { organization, slug: "acme".to_owned() },
            attribution: Attribution {
                organization,
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
            stamps: TimestampOracle::new(Arc::new(Fixed)),
        }
    }

    pub(crate) fn desk(&self) -> Desk<'_> {
        Desk {
            entropy: &self.entropy,
            renderer: &Terse,
            tenant: &self.tenant,
            attribution: &self.attribution,
            reason: &self.reason,
        }
    }

    pub(crate) fn stamp(&self) -> WriteTimestamp {
        self.stamps.begin()
    }

    /// A finding that was created a minute ago and has this status.
    pub(crate) fn finding(&self, key: &str, status: Status) -> Stored<Finding> {
        let at = Timestamp::from_millis(NOW - 60_000);
        let (_, created) =
            findings::create(&self.desk(), self.stamp(), NewFinding { status: Some(status), ..new(key) });
        let id = Id::new(self.entropy.ulid(at));
        Stored::new(self.tenant.organization, id, at, created.record)
    }
}

pub(crate) fn new(key: &str) -> NewFinding {
    NewFinding {
        key: RecordKey::parse(key).unwrap(),
        title: Title::parse("Something is wrong").unwrap(),
        description: None,
        severity: Severity::Medium,
        source: FindingSource { kind: SourceKind::Manual, module_key: None, resource_type: None, resource_id: None },
        subject: None,
        owner_responsibility_id: None,
        owner_member_user_id: None,
        due_at: None,
        status: None,
    }
}

/// The events of a changeset, as name and rendered payload.
pub(crate) fn told(changeset: &Changeset) -> Vec<String> {
    changeset.events().iter().map(|event| format!("{} {}", event.name, str::from_utf8(&event.body).unwrap())).collect()
}

/// The actions of a changeset's audit entries.
pub(crate) fn noted(changeset: &Changeset) -> Vec<String> {
    changeset.entries().iter().map(|entry| entry.action.to_string()).collect()
}
