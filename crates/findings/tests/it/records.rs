//! The statement of the records: their columns, filters and keys.

use std::fmt::Display;

use findings::{EventKind, Finding, FindingEvent, FindingEventFilter, FindingFilter, Severity, SourceKind, Status};
use kernel::{Criteria as _, Decoder, Id, Record, Reference, Resource as _, ScalarValue, Ulid};

use crate::harness::{Harness, StatusRenderer, complete_finding, new_finding};

/// Supplies the values of a record as texts.
struct Texts(std::vec::IntoIter<Option<String>>, Option<String>);

impl Decoder for Texts {
    type Error = String;

    fn text(&mut self) -> Result<Option<&str>, String> {
        self.1 = self.0.next().unwrap();
        Ok(self.1.as_deref())
    }

    fn invalid(&mut self, columns_back: usize, message: &dyn Display) -> String {
        format!("{columns_back}: {message}")
    }
}

/// The texts of a record's columns.
fn texts<R: Record>(record: &R) -> Vec<Option<String>> {
    (0..R::COLUMNS.len())
        .map(|index| match record.value(index) {
            ScalarValue::Null => None,
            ScalarValue::Text(text) => Some(text.to_owned()),
            ScalarValue::Name(name) => Some(name.to_owned()),
            ScalarValue::Timestamp(time) => Some(time.to_string()),
            ScalarValue::Id(prefix, ulid) => Some(format!("{prefix}_{ulid}")),
            value => panic!("{value:?}"),
        })
        .collect()
}

fn finding(new: findings::NewFinding) -> kernel::Stored<Finding> {
    let harness = Harness::new();
    findings::create(&harness.context(), &StatusRenderer, harness.write_timestamp(), new).1
}

#[test]
fn a_finding_is_read_back_from_its_columns_as_it_was_written() {
    for new in [complete_finding("k"), new_finding("k")] {
        let mut record = finding(new).record;
        record.duplicate_of = Some(Id::new(Ulid::from_parts(1, 2)));
        record.lifecycle_instance_id = Some(Reference::parse("lc_1").unwrap());
        let read = Finding::decode(&mut Texts(texts(&record).into_iter(), None));
        assert_eq!(read, Ok(record));
    }
}

#[test]
fn the_source_of_a_finding_requires_a_kind_and_nothing_else() {
    let record = finding(new_finding("k")).record;
    let index = Finding::COLUMNS.iter().position(|column| column.name == "source_kind").unwrap();
    let mut without_kind = texts(&record);
    without_kind[index] = None;
    assert_eq!(Finding::decode(&mut Texts(without_kind.into_iter(), None)).unwrap_err(), "0: is required");
}

#[test]
fn the_examples_of_the_columns_are_a_valid_finding_and_a_valid_event() {
    let example = Finding::example();
    assert_eq!(example.source.kind, SourceKind::ModuleSignal);
    assert_eq!(example.source.resource_id.as_ref().map(Reference::as_str), Some("java.sqli"));
    assert_eq!(example.unique_key(), Some("java.sqli:src/Login.java:42"));
    assert_eq!(FindingEvent::example().kind, EventKind::VerifiedAsDuplicate);
    assert_eq!(FindingEvent::example().unique_key(), None);
}

#[test]
fn a_list_of_findings_is_filtered_by_key_severity_status_source_subject_and_owners() {
    let labels: Vec<_> = FindingFilter::columns().map(|(_, _, filter)| filter.label).collect();
    let owners = ["owner_responsibility_id", "owner_member_user_id"];
    assert_eq!(labels[..5], ["finding_key", "severity", "status", "source_kind", "subject_resource_id"]);
    assert_eq!(labels[5..], owners);
    let stored = finding(complete_finding("k"));
    let filter = FindingFilter::default;
    let reference = |text| Reference::parse(text).unwrap();
    for (accepting, rejecting) in [
        (filter().with("severity", [Severity::Critical]), filter().with("severity", [Severity::Low])),
        (filter().with("status", [Status::Open]), filter().with("status", [Status::Closed])),
        (filter().with("source_kind", [SourceKind::ModuleSignal]), filter().with("source_kind", [SourceKind::Audit])),
        (
            filter().with("subject_resource_id", [reference("src/Login.java:42")]),
            filter().with("subject_resource_id", [reference("semgrep")]),
        ),
        (
            filter().with("owner_responsibility_id", [reference("resp_1")]),
            filter().with("owner_responsibility_id", [reference("usr_1")]),
        ),
        (
            filter().with("owner_member_user_id", [reference("usr_1")]),
            filter().with("owner_member_user_id", [reference("resp_1")]),
        ),
    ] {
        assert!(accepting.matches(&stored), "{accepting:?}");
        assert!(!rejecting.matches(&stored), "{rejecting:?}");
    }
}

#[test]
fn a_list_of_events_is_filtered_by_finding() {
    let labels: Vec<_> = FindingEventFilter::columns().map(|(_, _, filter)| filter.label).collect();
    assert_eq!(labels, ["finding_id"]);
}
