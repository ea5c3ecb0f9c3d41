use kernel::{Filter, Record as _, Resource as _, Scalar as _};
use submissions::{
    SubmissionEvent, SubmissionKind, SubmissionPackage, SubmissionPackageStatus, SubmissionRequirement,
    SubmissionRequirementStatus,
};

#[test]
fn requirements_and_packages_are_drafts_unless_their_status_is_given() {
    assert_eq!(SubmissionRequirementStatus::default_value(), Some(SubmissionRequirementStatus::Draft));
    assert_eq!(SubmissionPackageStatus::default_value(), Some(SubmissionPackageStatus::Draft));
    assert_eq!(SubmissionKind::default_value(), None, "nobody can guess the kind of a submission");
}

#[test]
fn requirements_and_packages_are_unique_by_their_keys() {
    assert_eq!(SubmissionRequirement::example().unique_key(), Some("call-report"));
    assert_eq!(SubmissionPackage::example().unique_key(), Some("call-report-2026-q2"));
    assert_eq!(SubmissionEvent::example().unique_key(), None);
}

#[test]
fn lists_have_the_filters_of_the_contract() {
    fn labels<R: kernel::Record>() -> Vec<&'static str> {
        Filter::<R>::columns().map(|(_, _, filter)| filter.label).collect()
    }
    assert_eq!(labels::<SubmissionRequirement>(), ["requirement_key", "status"]);
    assert_eq!(labels::<SubmissionPackage>(), ["submission_requirement_id", "package_key", "status"]);
    assert_eq!(labels::<SubmissionEvent>(), ["submission_package_id"]);
}

#[test]
fn the_fields_that_events_set_are_kept_when_an_import_updates_a_package() {
    let kept: Vec<_> =
        SubmissionPackage::COLUMNS.iter().filter(|column| column.is_create_only).map(|column| column.name).collect();
    assert_eq!(kept, ["status", "submitted_at", "acknowledged_at", "decided_at", "recipient_reference"]);
}
