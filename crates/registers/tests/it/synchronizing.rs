use kernel::{Change, Decimal, FieldValue, HasIdPrefix, Id, Record as _, Revision, Stored, Timestamp, Title, Ulid};
use registers::{
    Control, DefinitionStatus, Indicator, Measurement, MonitorDefinition, MonitorRun, SubmissionPackage, SyncOutcome,
    sync,
};
use submissions::SubmissionPackageStatus;
use write_harness::{NOW, WriteHarness};

use crate::harness::changeset;

fn stored<R: HasIdPrefix>(record: R) -> Stored<R> {
    let at = Timestamp::from_millis(NOW.millis() - 60_000);
    Stored::new(Id::new(Ulid::from_parts(1, 1)), Id::new(Ulid::from_parts(2, 2)), at, record)
}

#[test]
fn a_record_without_a_stored_one_is_created_with_its_own_audit_entry() {
    let harness = WriteHarness::default();
    let mut changeset = changeset(&harness);
    let (outcome, id) = sync(&mut changeset, &harness.entropy, None, Control::example());
    assert_eq!(outcome, SyncOutcome::Created);
    let [write] = changeset.writes() else { panic!("one record is stored") };
    assert_eq!((write.meta.ulid(), write.expected), (id.ulid(), None));
    assert_eq!((write.meta.organization, write.meta.revision), (changeset.organization(), Revision::FIRST));
    assert_eq!((write.meta.created_at, write.meta.updated_at), (NOW, NOW));
    assert_eq!(write.record.as_any().downcast_ref(), Some(&Control::example()));
    let [_, entry] = changeset.entries() else { panic!("an entry of the call and one of the record") };
    assert_eq!(entry.action.as_str(), "control.created");
    let subject = entry.subject.as_ref().unwrap();
    assert_eq!((&*subject.kind, &subject.id), ("control", &id.to_string()));
    assert_eq!(entry.changes, Change::between(None, &Control::example()));
}

#[test]
fn every_created_record_has_an_identifier_of_its_own() {
    let harness = WriteHarness::default();
    let mut changeset = changeset(&harness);
    let (_, one) = sync(&mut changeset, &harness.entropy, None, Control::example());
    let (_, other) = sync(&mut changeset, &harness.entropy, None, Control::example());
    assert_ne!(one, other);
}

#[test]
fn a_record_that_differs_is_updated_and_its_audit_entry_names_the_difference() {
    let harness = WriteHarness::default();
    let mut changeset = changeset(&harness);
    let current = stored(Control::example());
    let record = Control { status: DefinitionStatus::Retired, ..Control::example() };
    let (outcome, id) = sync(&mut changeset, &harness.entropy, Some(&current), record.clone());
    assert_eq!((outcome, id), (SyncOutcome::Updated, current.meta.id));
    let [write] = changeset.writes() else { panic!("one record is stored") };
    assert_eq!((write.meta.ulid(), write.expected), (id.ulid(), Some(Revision::FIRST)));
    assert_eq!(write.meta.revision, Revision::FIRST.next());
    assert_eq!((write.meta.created_at, write.meta.updated_at), (current.meta.created_at, NOW));
    assert_eq!(write.record.as_any().downcast_ref(), Some(&record));
    let entry = &changeset.entries()[1];
    assert_eq!(entry.action.as_str(), "control.updated");
    assert_eq!(entry.subject.as_ref().map(|subject| subject.id.clone()), Some(id.to_string()));
    let [change] = entry.changes.as_slice() else { panic!("one field changed") };
    assert_eq!(change.field, "status");
    assert_eq!(change.before, FieldValue::Text("active".to_owned()));
    assert_eq!(change.after, FieldValue::Text("retired".to_owned()));
}

#[test]
fn a_record_that_is_the_same_already_is_neither_stored_nor_audited() {
    let harness = WriteHarness::default();
    let mut changeset = changeset(&harness);
    let current = stored(Control { title: Title::parse("Another title").unwrap(), ..Control::example() });
    let (outcome, id) = sync(&mut changeset, &harness.entropy, Some(&current), current.record.clone());
    assert_eq!((outcome, id), (SyncOutcome::Unchanged, current.meta.id));
    assert!(changeset.writes().is_empty());
    assert_eq!(changeset.entries().len(), 1, "only the entry of the call");
}

#[test]
fn an_import_sets_the_status_of_a_package_only_when_it_creates_it() {
    let harness = WriteHarness::default();
    let mut changeset = changeset(&harness);
    let draft = SubmissionPackage { status: SubmissionPackageStatus::Draft, ..SubmissionPackage::example() };
    let (outcome, _) = sync(&mut changeset, &harness.entropy, None, draft.clone());
    assert_eq!(outcome, SyncOutcome::Created);
    assert_eq!(changeset.writes()[0].record.as_any().downcast_ref(), Some(&draft));
    let at = Timestamp::from_millis(NOW.millis() - 60_000);
    let current =
        Stored::new(Id::new(Ulid::from_parts(1, 1)), Id::new(Ulid::from_parts(2, 2)), at, SubmissionPackage::example());
    let other_times =
        SubmissionPackage { submitted_at: None, acknowledged_at: None, recipient_reference: None, ..draft.clone() };
    let (outcome, _) = sync(&mut changeset, &harness.entropy, Some(&current), other_times.clone());
    assert_eq!(outcome, SyncOutcome::Unchanged);
    let title = Title::parse("Another title").unwrap();
    let (outcome, _) = sync(
        &mut changeset,
        &harness.entropy,
        Some(&current),
        SubmissionPackage { title: title.clone(), ..other_times },
    );
    assert_eq!(outcome, SyncOutcome::Updated);
    let expected = SubmissionPackage { title, ..SubmissionPackage::example() };
    assert_eq!(changeset.writes()[1].record.as_any().downcast_ref(), Some(&expected));
}

#[test]
fn what_only_the_server_sets_is_kept() {
    let harness = WriteHarness::default();
    let mut changeset = changeset(&harness);
    let current = stored(Indicator::example());
    let imported = Indicator { latest_measurement_value: None, latest_measurement_at: None, ..Indicator::example() };
    assert_eq!(sync(&mut changeset, &harness.entropy, Some(&current), imported.clone()).0, SyncOutcome::Unchanged);
    let renamed = Indicator { title: Title::parse("Another title").unwrap(), ..imported };
    assert_eq!(sync(&mut changeset, &harness.entropy, Some(&current), renamed.clone()).0, SyncOutcome::Updated);
    let stored = changeset.writes()[0].record.as_any().downcast_ref();
    assert_eq!(stored, Some(&Indicator { title: renamed.title, ..Indicator::example() }));
}

#[test]
fn an_indicator_has_the_value_and_the_time_of_its_latest_measurement() {
    let measurement = |value, millis| Measurement {
        measured_value: Decimal::parse(value).unwrap(),
        measured_at: Timestamp::from_millis(millis),
        ..Measurement::example()
    };
    let new = Indicator { latest_measurement_value: None, latest_measurement_at: None, ..Indicator::example() };
    let latest = |indicator: &Indicator| {
        (indicator.latest_measurement_value.as_ref().unwrap().to_string(), indicator.latest_measurement_at.unwrap())
    };
    let second = measurement("2", 20).applied_to(new);
    assert_eq!(latest(&second), ("2".to_owned(), Timestamp::from_millis(20)));
    let after_an_earlier_one = measurement("1", 10).applied_to(second);
    assert_eq!(latest(&after_an_earlier_one), ("2".to_owned(), Timestamp::from_millis(20)));
    let corrected = measurement("2.5", 20).applied_to(after_an_earlier_one);
    assert_eq!(latest(&corrected), ("2.5".to_owned(), Timestamp::from_millis(20)));
}

#[test]
fn a_monitor_has_the_start_of_its_last_run() {
    let run = |millis| MonitorRun { started_at: Timestamp::from_millis(millis), ..MonitorRun::example() };
    let new = MonitorDefinition { last_run_at: None, ..MonitorDefinition::example() };
    let after = [20, 10].into_iter().fold(new, |monitor, millis| run(millis).applied_to(monitor));
    assert_eq!(after.last_run_at, Some(Timestamp::from_millis(20)));
}
