//! The values that columns have, in records, examples and texts.

use super::*;

#[test]
fn an_example_that_violates_a_rule_is_reported_with_its_column() {
    crate::record! {
        /// A record with a wrong example.
        #[record(kind = Control, prefix = "wrng", plural = "wrongs")]
        pub struct Wrong {
            /// The title.
            #[column(example("A title"))]
            pub title: Title,
            /// The number of items.
            #[column(example("many"))]
            pub count: i64,
        }
    }
    let payload = std::panic::catch_unwind(Wrong::example).unwrap_err();
    let message = payload.downcast_ref::<String>().map(String::as_str);
    assert_eq!(message, Some("an example of wrongs: count must be an integer"));
}

#[test]
fn a_subject_is_read_back_from_its_columns_as_it_was_written() {
    let group = sample().subject.unwrap().group;
    let unversioned = Some(group.clone());
    let values = |encode: &dyn Fn(&mut Values)| {
        let mut values = Values(Vec::new());
        encode(&mut values);
        values.0
    };
    let texts = ["code", "file", "main.rs"].map(|text| Some(text.to_owned()));
    assert_eq!(values(&|encoder| unversioned.encode(encoder)), texts);
    let versioned = Some(VersionedSubjectGroup { group, version_id: None });
    assert_eq!(values(&|encoder| versioned.encode(encoder)), [&texts[..], &[None]].concat());
    let nothing: Option<SubjectGroup> = None;
    assert_eq!(values(&|encoder| nothing.encode(encoder)), [None, None, None]);
}

/// Collects the texts of columns.
struct Values(Vec<Option<String>>);

impl<'r> Encoder<'r> for Values {
    fn put(&mut self, value: ScalarValue<'r>) {
        self.0.push(value.as_str().map(str::to_owned));
    }
}

#[test]
fn a_column_parses_a_text_as_one_of_its_values() {
    let parse = |name: &str, text: &str| {
        let column = Sample::COLUMNS.iter().find(|column| column.name == name).unwrap();
        (column.parse)(text)
    };
    assert_eq!(parse("count", "-7"), Ok(OwnedScalar::Integer(-7)));
    assert_eq!(parse("title", "A sample"), Ok(OwnedScalar::Text("A sample".to_owned())));
    assert_eq!(parse("measured_at", TIME), Ok(OwnedScalar::Timestamp(TIME.parse().unwrap())));
    assert_eq!(parse("parent_id", PARENT), Ok(OwnedScalar::Id("org", sample().parent_id.ulid())));
    assert_eq!(
        parse("related_ids", &format!("{PARENT} {PARENT}")),
        Ok(OwnedScalar::Ids("org", vec![sample().parent_id.ulid(); 2]))
    );
    assert_eq!(parse("count", "many"), Err("must be an integer".to_owned()));
}

#[test]
fn the_values_of_a_record_are_those_of_its_fields() {
    let sample = sample();
    assert_eq!(sample.value(0), ScalarValue::Id("org", sample.parent_id.ulid()));
    assert_eq!(sample.value(1), ScalarValue::Text("S-1"));
    assert_eq!(sample.value(4), ScalarValue::Name("draft"));
    assert_eq!(sample.value(8), ScalarValue::Text("v1"));
    assert_eq!(sample.value(11), ScalarValue::Ids("org", &[]));
    assert_eq!(Record::key(&sample), Some("S-1"));
    assert_eq!(sample.key_parent(), Some(sample.parent_id.ulid()));
}

#[test]
fn an_optional_field_has_a_value_unless_it_is_absent() {
    let mut texts = Unversioned([Some("code"), None, Some(" ")].into_iter());
    assert_eq!(<Option<Reference> as Field>::decode(&mut texts), Ok(Some(Reference::parse("code").unwrap())));
    assert_eq!(<Option<Reference> as Field>::decode(&mut texts), Ok(None));
    assert_eq!(<Option<Reference> as Field>::decode(&mut texts), Err(0));
}

fn owned_values<R: Record>(record: &R) -> Vec<OwnedScalar> {
    record.values().into_iter().map(ScalarValue::to_owned).collect()
}

#[test]
fn a_record_is_made_again_of_its_values() {
    let mut record = Sample { related_ids: [Id::new(Ulid(7))].into_iter().collect(), ..sample() };
    for subject in [record.subject.clone(), None] {
        record.subject = subject;
        let values = owned_values(&record);
        assert_eq!(values.len(), Sample::COLUMNS.len());
        assert_eq!(Sample::from_values(values), Ok(record.clone()));
    }
}

#[test]
fn no_record_is_made_of_values_that_have_other_types_or_are_missing() {
    let fault = |index: usize, value: OwnedScalar| {
        let mut values = owned_values(&sample());
        values[index] = value;
        Sample::from_values(values).unwrap_err()
    };
    assert_eq!(fault(0, OwnedScalar::Id("find", Ulid(1))), "Id(\"find\", Ulid(1)) is not such an identifier");
    assert_eq!(fault(1, OwnedScalar::Integer(1)), "Integer(1) is not a text");
    assert_eq!(fault(9, OwnedScalar::Text("1".to_owned())), "Text(\"1\") is not an integer");
    assert_eq!(fault(10, OwnedScalar::Integer(1)), "Integer(1) is not a timestamp");
    assert_eq!(fault(11, OwnedScalar::Ids("find", Vec::new())), "Ids(\"find\", []) is not a list of such identifiers");
    assert_eq!(fault(2, OwnedScalar::Null), "is required");
    assert_eq!(Sample::from_values(owned_values(&sample())[..11].to_vec()), Err("a value is missing".to_owned()));
}

#[test]
fn an_update_keeps_the_values_that_only_a_creation_sets() {
    let current = sample();
    let title = Title::parse("Another title").unwrap();
    let update = Sample { count: 9, title: title.clone(), subject: None, ..sample() };
    assert_eq!(update.merged_onto(&current), Sample { title, subject: None, ..current });
}

#[test]
fn a_record_takes_the_values_of_another_one_in_the_named_columns() {
    let other = Sample { count: 9, title: Title::parse("Another title").unwrap(), subject: None, ..sample() };
    let index = |name: &str| Sample::COLUMNS.iter().position(|column| column.name == name).unwrap();
    assert_eq!(other.clone().keeping(&sample(), &[index("title")]), Sample { title: sample().title, ..other.clone() });
    assert_eq!(other.clone().keeping(&sample(), &[]), other);
}

#[test]
fn an_update_without_such_columns_is_taken_as_it_is() {
    let organization = Organization { name: Title::parse("Another").unwrap(), ..Organization::example() };
    assert_eq!(organization.clone().merged_onto(&Organization::example()), organization);
}
