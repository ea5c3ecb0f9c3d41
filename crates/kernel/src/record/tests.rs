//! The statement of a record, and everything that the kernel itself reads from it.
// The macros declare public items.
#![allow(unreachable_pub)]

mod groups;
mod values;

use std::fmt::Display;

use ulid::Ulid;

use super::*;
use crate::{
    entry::FieldValue,
    fields::AuditFields as _,
    id::{Id, IdList},
    organization::Organization,
    resource::{Criteria as _, Stored},
    subject::{SubjectGroup, VersionedSubjectGroup},
    text::{Description, RecordKey, Reference, Title},
    timestamp::Timestamp,
};

crate::string_enum! {
    /// A status.
    State = Draft {
        /// Being written.
        Draft = "draft",
        /// In force.
        Active = "active",
    }
}

crate::record! {
    /// A record with a field of every type.
    #[record(kind = Control, prefix = "smpl", plural = "samples")]
    pub struct Sample {
        /// The parent.
        #[column(filter(Few), required, example("org_01KSFQEHQ80000000000000005"))]
        pub parent_id: Id<Organization>,
        /// The key.
        #[column(label("sample_key"), key_within("parent_id"), example("S-1"))]
        pub key: RecordKey,
        /// The title.
        #[column(example("A sample"))]
        pub title: Title,
        /// The description,
        /// in two lines.
        pub description: Description,
        /// The status.
        #[column(filter(Many), filter_label("state"), example("active"))]
        pub status: State,
        /// The subject.
        #[column(filter_on("subject_resource_id", Few), examples(["code", "file", "main.rs"]))]
        pub subject: Option<VersionedSubjectGroup>,
        /// The number of items.
        #[column(create_only, example("3"))]
        pub count: i64,
        /// The time of the measurement.
        #[column(at_least("since"), example("2026-05-25T14:08:33Z"))]
        pub measured_at: Timestamp,
        /// The related organizations.
        pub related_ids: IdList<Organization>,
    }
}

/// Supplies texts, and collects every fault with the name of its column.
struct Texts {
    texts: Vec<Option<&'static str>>,
    consumed: usize,
    trusted: bool,
    faults: Vec<String>,
}

impl Texts {
    fn new(texts: &[Option<&'static str>]) -> Self {
        Self { texts: texts.to_vec(), consumed: 0, trusted: false, faults: Vec::new() }
    }
}

impl Decoder for Texts {
    type Error = ();

    fn text(&mut self) -> Result<Option<&str>, ()> {
        self.consumed += 1;
        Ok(self.texts[self.consumed - 1])
    }

    fn invalid(&mut self, columns_back: usize, message: &dyn Display) {
        let column = Sample::COLUMNS[self.consumed - 1 - columns_back].name;
        self.faults.push(format!("{column}: {message}"));
    }

    fn is_trusted(&self) -> bool {
        self.trusted
    }
}

const PARENT: &str = "org_01KSFQEHQ80000000000000005";
const TIME: &str = "2026-05-25T14:08:33.000Z";

fn texts() -> [Option<&'static str>; 12] {
    [
        Some(PARENT),
        Some("S-1"),
        Some("A sample"),
        None,
        None,
        Some("code"),
        Some("file"),
        Some("main.rs"),
        Some("v1"),
        Some("-7"),
        Some(TIME),
        None,
    ]
}

fn faults(change: impl FnOnce(&mut [Option<&'static str>; 12])) -> Vec<String> {
    let mut texts = texts();
    change(&mut texts);
    let mut decoder = Texts::new(&texts);
    assert_eq!(Sample::decode(&mut decoder).is_err(), !decoder.faults.is_empty());
    assert_eq!(decoder.consumed, texts.len(), "every column is consumed once");
    decoder.faults
}

fn sample() -> Sample {
    Sample::decode(&mut Texts::new(&texts())).unwrap()
}

#[test]
fn a_decoded_record_has_every_value_and_the_defaults_of_what_may_be_left_out() {
    let sample = sample();
    assert_eq!(sample.parent_id.to_string(), PARENT);
    assert_eq!(sample.title.as_str(), "A sample");
    assert_eq!(sample.description.as_str(), "");
    assert_eq!(sample.status, State::Draft);
    let subject = sample.subject.as_ref().unwrap();
    assert_eq!(subject.group.resource_id.as_str(), "main.rs");
    assert_eq!(subject.version_id.as_ref().map(Reference::as_str), Some("v1"));
    assert_eq!((sample.count, sample.measured_at.to_string().as_str()), (-7, TIME));
    assert_eq!(sample.related_ids.ulids(), []);
    assert_eq!(crate::Resource::unique_key(&sample), Some("S-1"));
    assert_eq!(crate::Resource::unique_within(&sample), Some(sample.parent_id.ulid()));
    assert_eq!(sample.value(9), ScalarValue::Integer(-7));
    assert_eq!(sample.value(12), ScalarValue::Null);
}

#[test]
fn every_fault_of_a_record_is_reported_at_its_column() {
    assert_eq!(faults(|_| ()), [""; 0]);
    let all = faults(|texts| {
        *texts = [None; 12];
        texts[0] = Some("org_1");
        texts[1] = Some("two words");
        texts[4] = Some("odd");
        texts[9] = Some("1.5");
        texts[10] = Some("today");
        texts[11] = Some("org_1 x");
    });
    assert_eq!(
        all,
        [
            "parent_id: not an identifier of the form org_…",
            "key: must be 1 to 200 visible ASCII characters without spaces",
            "title: is required",
            "status: must be one of: draft, active",
            "count: must be an integer",
            "measured_at: must be a date or an RFC 3339 timestamp, such as 2026-05-25 or 2026-05-25T14:08:33.000Z",
            "related_ids: not an identifier of the form org_…",
        ]
    );
}

#[test]
fn a_subject_group_with_a_missing_part_is_reported_at_that_part() {
    let whole = "a subject has a module key, a resource type and a resource id, or none of them";
    assert_eq!(faults(|texts| texts[5] = None), [format!("subject_module_key: {whole}")]);
    assert_eq!(faults(|texts| texts[6] = None), [format!("subject_resource_type: {whole}")]);
    assert_eq!(faults(|texts| texts[7] = None), [format!("subject_resource_id: {whole}")]);
    assert_eq!(
        faults(|texts| (texts[5], texts[6], texts[7]) = (None, None, None)),
        ["subject_version_id: there is no subject that it could be a version of"]
    );
    assert_eq!(faults(|texts| (texts[5], texts[6], texts[7], texts[8]) = (None, None, None, None)), [""; 0]);
    assert_eq!(faults(|texts| texts[6] = Some(" ")).len(), 1, "an invalid part is not missing as well");

    let mut parts = Unversioned([Some("code"), None, Some("main.rs")].into_iter());
    assert_eq!(<Option<SubjectGroup>>::decode(&mut parts), Err(1));
    let mut parts = Unversioned([None, None, None].into_iter());
    assert_eq!(<Option<SubjectGroup>>::decode(&mut parts), Ok(None));
}

/// Supplies the three parts of a group, and returns how far back a fault is.
struct Unversioned(std::array::IntoIter<Option<&'static str>, 3>);

impl Decoder for Unversioned {
    type Error = usize;

    fn text(&mut self) -> Result<Option<&str>, usize> {
        Ok(self.0.next().flatten())
    }

    fn invalid(&mut self, columns_back: usize, _: &dyn Display) -> usize {
        columns_back
    }
}

#[test]
fn a_trusted_source_is_neither_validated_nor_completed_with_defaults() {
    let mut trusted = texts();
    trusted[1] = Some("two words");
    let mut decoder = Texts { trusted: true, ..Texts::new(&trusted) };
    assert!(Sample::decode(&mut decoder).is_err());
    assert_eq!(decoder.faults, ["description: is required", "status: is required", "related_ids: is required"]);
}

#[test]
fn the_example_is_made_of_the_columns_examples() {
    let example = Sample::example();
    assert_eq!(example.status, State::Active);
    assert_eq!(example.count, 3);
    assert_eq!(example.subject.unwrap().version_id, None);
}

#[test]
fn the_columns_state_names_types_and_marks() {
    let column = |name: &str| Sample::COLUMNS.iter().find(|column| column.name == name).unwrap();
    assert_eq!(Sample::COLUMNS.len(), 12);
    assert_eq!(column("key").label, "sample_key");
    assert_eq!(column("key").key, Some(KeyScope::Parent("parent_id")));
    assert_eq!(column("title").label, "title");
    let (rule, pattern) = (<crate::TitleRule as crate::Rule>::DESCRIPTION, <crate::TitleRule as crate::Rule>::PATTERN);
    assert_eq!(column("title").column_type, ColumnType::Text { min: 1, max: 300, rule, pattern });
    assert_eq!(column("description").description, "The description, in two lines.");
    assert_eq!(
        column("subject_version_id").description,
        "The version of the subject, if the record is about one version of it."
    );
    assert!(column("subject_version_id").nullable && !column("title").nullable);
    let filters: Vec<_> = Filter::<Sample>::columns()
        .map(|(_, column, filter)| (column.name, filter.label, filter.selectivity, filter.comparison, filter.required))
        .collect();
    assert_eq!(
        filters,
        [
            ("parent_id", "parent_id", Selectivity::Few, Comparison::OneOf, true),
            ("key", "sample_key", Selectivity::Unindexed, Comparison::OneOf, false),
            ("status", "state", Selectivity::Many, Comparison::OneOf, false),
            ("subject_resource_id", "subject_resource_id", Selectivity::Few, Comparison::OneOf, false),
            ("measured_at", "since", Selectivity::Unindexed, Comparison::AtLeast, false),
        ]
    );
    assert_eq!((column("status").parse)("active"), Ok(OwnedScalar::Name("active")));
    assert_eq!((column("status").parse)("odd"), Err("must be one of: draft, active".to_owned()));
}

#[test]
fn a_filter_accepts_records_with_one_of_the_values_of_every_column() {
    let stored = Stored::new(Id::new(Ulid(1)), Id::new(Ulid(2)), Timestamp::from_millis(0), sample());
    let time = |text: &str| text.parse::<Timestamp>().unwrap();
    let matches = |filter: Filter<Sample>| filter.matches(&stored);
    assert!(matches(Filter::default()));
    assert!(matches(Filter::default().with("state", [State::Active, State::Draft])));
    assert!(!matches(Filter::default().with("state", [State::Active])));
    let both = Filter::default().with("state", [State::Draft]).with("sample_key", [RecordKey::parse("S-2").unwrap()]);
    assert!(!matches(both.clone()) && both != Filter::default());
    assert!(matches(Filter::default().with("since", [time(TIME)])));
    assert!(matches(Filter::default().with("since", [time("2026-05-25T14:08:32Z")])));
    assert!(!matches(Filter::default().with("since", [time("2026-05-25T14:08:34Z")])));
    let no_values = Filter::default().with("state", [] as [State; 0]);
    assert!(matches(no_values.clone()) && no_values == Filter::default());
    let filter = Filter::<Sample>::default().with("state", [State::Draft]);
    assert_eq!(filter.accepted(4).map(|values| values.len()), Some(1));
    assert_eq!(filter.accepted(0), None);
    assert!(!matches(filter.with("state", [State::Active])), "a second choice replaces the first");
}

#[test]
fn a_lower_bound_excludes_records_without_a_value() {
    crate::record! {
        /// A record with an optional time.
        #[record(kind = Control, prefix = "optl", plural = "optionals")]
        pub struct Optional {
            /// The time of the review.
            #[column(at_least("since"))]
            pub reviewed_at: Option<Timestamp>,
        }
    }
    let stored = |at: Option<i64>| {
        Stored::new(
            Id::new(Ulid(1)),
            Id::new(Ulid(2)),
            Timestamp::MIN,
            Optional { reviewed_at: at.map(Timestamp::from_millis) },
        )
    };
    let filter = Filter::default().with("since", [Timestamp::from_millis(5)]);
    assert!(!filter.matches(&stored(None)));
    assert!(filter.matches(&stored(Some(5))));
    assert_eq!(crate::Resource::unique_key(&stored(None).record), None);
    assert_eq!(crate::Resource::unique_within(&stored(None).record), None);
}

#[test]
fn the_audit_log_lists_every_field_under_its_public_name() {
    let other: Id<Organization> = Id::new(Ulid(7));
    let sample = Sample { subject: None, related_ids: [other].into_iter().collect(), ..sample() };
    let fields = sample.fields();
    let value = |name: &str| fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value.clone()).unwrap();
    let text = |text: &str| FieldValue::Text(text.to_owned());
    assert_eq!(value("sample_key"), text("S-1"));
    assert_eq!(value("parent_id"), text(PARENT));
    assert_eq!(value("status"), text("draft"));
    assert_eq!(value("subject_module_key"), FieldValue::Null);
    assert_eq!(value("count"), FieldValue::Integer(-7));
    assert_eq!(value("measured_at"), text(TIME));
    assert_eq!(value("related_ids"), FieldValue::Texts(vec![other.to_string()]));
    assert_eq!(fields.len(), Sample::COLUMNS.len());
}

#[test]
fn owned_values_are_equal_to_what_they_were_copied_from() {
    let ulids = [Ulid(3), Ulid(4)];
    for value in [
        ScalarValue::Null,
        ScalarValue::Text("a"),
        ScalarValue::Name("b"),
        ScalarValue::Integer(1),
        ScalarValue::Timestamp(Timestamp::from_millis(2)),
        ScalarValue::Id("org", Ulid(3)),
        ScalarValue::Ids("org", &ulids),
    ] {
        assert_eq!(value.to_owned().as_value(), value);
    }
    assert_eq!(ScalarValue::Text("a").as_str(), Some("a"));
    assert_eq!(ScalarValue::Name("b").as_str(), Some("b"));
    assert_eq!(ScalarValue::Integer(1).as_str(), None);
}
