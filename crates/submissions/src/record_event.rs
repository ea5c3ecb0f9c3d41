//! Recording an event about a submission package, which may change its status (contract v1, resources: submissions).

use kernel::{
    Action, Change, Changeset, Description, Id, Kind, Reference, Stored, Subject, Timestamp, WriteContext,
    WriteTimestamp,
};

use crate::{
    change::{EventRenderer, PackageChangeKind, publish},
    error::SubmissionError,
    event::{SubmissionEvent, SubmissionEventKind},
    package::SubmissionPackage,
};

/// The fields of a new event.
#[derive(Clone, Debug, PartialEq)]
pub struct NewSubmissionEvent {
    /// The kind of the event.
    pub kind: SubmissionEventKind,
    /// The time of the event.
    pub occurred_at: Timestamp,
    /// The identifier that the recipient gave to the package.
    pub recipient_reference: Option<Reference>,
    /// A note by the reporter.
    pub note: Option<Description>,
}

/// Records an event about a package, and changes the package as the event implies.
///
/// # Errors
/// [`SubmissionError`] if the event can't be recorded in the current status of the package.
pub fn record_event(
    context: &WriteContext<'_>,
    renderer: &dyn EventRenderer,
    timestamp: WriteTimestamp,
    current: &Stored<SubmissionPackage>,
    new: NewSubmissionEvent,
) -> Result<(Changeset, Stored<SubmissionEvent>, Stored<SubmissionPackage>), SubmissionError> {
    let timestamp = timestamp.after([current]);
    let at = timestamp.at();
    let event = SubmissionEvent {
        submission_package_id: current.meta.id,
        kind: new.kind,
        occurred_at: new.occurred_at,
        recipient_reference: new.recipient_reference,
        note: new.note,
    };
    let changed = current.record.after(&event)?;
    let event = Stored::new(context.organization.id, Id::new(context.entropy.ulid(at)), at, event);
    let action = Action::on_record(Kind::SubmissionPackage, "event_recorded");
    let mut changeset = context.begin(timestamp, action, Some(Subject::from_id(current.meta.id)));
    changeset.create(&event);
    let mut changes = Change::of_event(&event, "submission_package_id");
    let package = if changed == current.record {
        changeset.require_unchanged(current);
        current.clone()
    } else {
        let package = current.changed(at, changed);
        changes.extend(Change::between(Some(&current.record), &package.record));
        changeset.update(current, &package);
        package
    };
    changeset.set_changes(changes);
    publish(context, renderer, &mut changeset, &package, PackageChangeKind::EventRecorded { event: &event });
    let previous = current.record.status;
    if package.record.status != previous {
        publish(context, renderer, &mut changeset, &package, PackageChangeKind::StatusChanged { previous });
    }
    Ok((changeset, event, package))
}
