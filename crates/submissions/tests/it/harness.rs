//! Packages in any status, and events about them.

use bytes::Bytes;
use kernel::{Changeset, Id, Record as _, Reference, Stored, Timestamp};
use submissions::{
    EventRenderer, NewSubmissionEvent, PackageChange, PackageChangeKind, PackageCommand, PreparationError,
    SubmissionError, SubmissionEvent, SubmissionEventKind, SubmissionPackage, SubmissionPackageStatus,
};
use write_harness::{NOW, WriteHarness};

/// A minute before [`NOW`]: the time at which packages were created.
pub(crate) const BEFORE: Timestamp = Timestamp::from_millis(NOW.millis() - 60_000);

/// Renders an event as the kind of the recorded event, or the previous status, and the present status.
struct StatusRenderer;

impl EventRenderer for StatusRenderer {
    fn render(&self, change: &PackageChange<'_>) -> Bytes {
        let cause = match change.kind {
            PackageChangeKind::EventRecorded { event } => event.record.kind.name(),
            PackageChangeKind::StatusChanged { previous } => previous.name(),
        };
        assert_eq!(&*change.organization.slug, "acme");
        format!("{cause}>{} {}", change.package.record.status.name(), change.id).into()
    }
}

/// A package with this status, and with neither times nor a reference.
pub(crate) fn package(harness: &WriteHarness, status: SubmissionPackageStatus) -> Stored<SubmissionPackage> {
    let record = SubmissionPackage {
        status,
        due_at: None,
        submitted_at: None,
        acknowledged_at: None,
        decided_at: None,
        recipient_reference: None,
        ..SubmissionPackage::example()
    };
    let context = harness.context();
    Stored::new(context.organization.id, Id::new(context.entropy.ulid(BEFORE)), BEFORE, record)
}

/// An event of this kind, this many seconds after [`BEFORE`].
pub(crate) fn event(kind: SubmissionEventKind, second: i64) -> NewSubmissionEvent {
    NewSubmissionEvent { kind, occurred_at: time(second), recipient_reference: None, note: None }
}

/// The time this many seconds after [`BEFORE`].
pub(crate) fn time(second: i64) -> Timestamp {
    Timestamp::from_millis(BEFORE.millis() + second * 1_000)
}

pub(crate) fn reference(text: &str) -> Reference {
    Reference::parse(text).unwrap()
}

pub(crate) fn record_event(
    harness: &WriteHarness,
    current: &Stored<SubmissionPackage>,
    new: NewSubmissionEvent,
) -> Result<(Changeset, Stored<SubmissionEvent>, Stored<SubmissionPackage>), SubmissionError> {
    submissions::record_event(&harness.context(), &StatusRenderer, harness.write_timestamp(), current, new)
}

pub(crate) fn prepare(
    harness: &WriteHarness,
    current: &Stored<SubmissionPackage>,
    command: PackageCommand,
) -> Result<(Changeset, Stored<SubmissionPackage>), PreparationError> {
    submissions::prepare_package(&harness.context(), &StatusRenderer, harness.write_timestamp(), current, command)
}
