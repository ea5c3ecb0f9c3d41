//! Findings of tests, and readable payloads of their events.

use bytes::Bytes;
use findings::{
    EventRenderer, Finding, FindingChange, FindingChangeKind, FindingError, FindingEvent, FindingSource, NewFinding,
    NewFindingEvent, Severity, SourceKind, Status,
};
use kernel::{
    Changeset, Description, Id, RecordKey, Reference, Stored, SubjectGroup, Timestamp, Title, WriteContext,
    WriteTimestamp,
};
use write_harness::WriteHarness;

pub(crate) use write_harness::{audit_actions, published as event_names};

pub(crate) const NOW: i64 = write_harness::NOW.millis();

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

#[derive(Default)]
pub(crate) struct Harness(WriteHarness);

impl Harness {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn context(&self) -> WriteContext<'_> {
        self.0.context()
    }

    pub(crate) fn write_timestamp(&self) -> WriteTimestamp {
        self.0.write_timestamp()
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
        let id = Id::new(self.context().entropy.ulid(at));
        Stored::new(self.0.organization.id, id, at, created.record)
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
