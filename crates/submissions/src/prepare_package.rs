//! The preparation of a submission package before it is submitted, and its archiving.

use kernel::{Action, Change, Changeset, Kind, Stored, Subject, WriteContext, WriteTimestamp};

use crate::{
    change::{EventRenderer, PackageChangeKind, publish},
    error::PreparationError,
    package::SubmissionPackage,
    package_command::PackageCommand,
};

/// Moves a package. A command that has been carried out already changes nothing and publishes nothing, but has its audit
/// entry.
///
/// # Errors
/// [`PreparationError`] if the status of the package does not allow the command.
pub fn prepare_package(
    context: &WriteContext<'_>,
    renderer: &dyn EventRenderer,
    timestamp: WriteTimestamp,
    current: &Stored<SubmissionPackage>,
    command: PackageCommand,
) -> Result<(Changeset, Stored<SubmissionPackage>), PreparationError> {
    let (previous, status) = (current.record.status, command.resulting_status());
    if previous != status && !command.allowed_from().contains(&previous) {
        return Err(PreparationError { command, from: previous });
    }
    let action = Action::on_record(Kind::SubmissionPackage, command.participle());
    let mut changeset = context.begin(timestamp.after([current]), action, Some(Subject::from_id(current.meta.id)));
    if previous == status {
        changeset.require_unchanged(current);
        return Ok((changeset, current.clone()));
    }
    let package = current.changed(changeset.at(), SubmissionPackage { status, ..current.record.clone() });
    changeset.set_changes(Change::between(Some(&current.record), &package.record));
    changeset.update(current, &package);
    publish(context, renderer, &mut changeset, &package, PackageChangeKind::StatusChanged { previous });
    Ok((changeset, package))
}
