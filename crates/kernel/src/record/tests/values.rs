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
