use super::super::{
    Column, Columns, Decoder, Encoder, Field, GroupList, OwnedScalar, Record as _, Scalar as _, ScalarValue,
};
use crate::{AuditFields as _, Description, Reference, entry::FieldValue};

/// A text, and a reference that may be absent.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    note: Description,
    source: Option<Reference>,
}

impl Field for Pair {
    const COLUMNS: Columns =
        Columns::EMPTY.with(Column::new::<Description>("note", false)).with(Column::new::<Reference>("source", true));

    fn encode<'r, E: Encoder<'r> + ?Sized>(&'r self, encoder: &mut E) {
        encoder.put(self.note.value());
        Field::encode(&self.source, encoder);
    }

    fn decode<D: Decoder + ?Sized>(decoder: &mut D) -> Result<Self, D::Error> {
        let (note, source) = (Field::decode(decoder), Field::decode(decoder));
        Ok(Self { note: note?, source: source? })
    }
}

crate::record! {
    /// A record with a list of groups.
    #[record(kind = Control, prefix = "list", plural = "lists")]
    pub struct Listed {
        /// The pairs.
        #[column(derived)]
        pub pairs: GroupList<Pair>,
    }
}

fn pair(note: &str, source: Option<&str>) -> Pair {
    let source = source.map(|source| Reference::parse(source).unwrap());
    Pair { note: Description::parse(note).unwrap(), source }
}

fn listed(pairs: impl IntoIterator<Item = Pair>) -> Listed {
    Listed { pairs: pairs.into_iter().collect() }
}

fn parse(text: &str) -> Result<OwnedScalar, String> {
    (Listed::COLUMNS[0].parse)(text)
}

#[test]
fn a_list_of_groups_reads_back_from_its_text_whatever_its_values_are() {
    let pairs = [
        pair("a\tb\\c\n\\N", Some("x")),
        pair("", None),
        pair("\\N", Some("\\")),
        pair("two\r\nlines", Some("“é” 🔓")),
        pair("\u{2028}", None),
    ];
    let record = listed(pairs.clone());
    let ScalarValue::Groups(groups) = record.value(0) else { panic!("{record:?}") };
    assert_eq!(groups.text().matches('\n').count(), pairs.len(), "a line for each group");
    let OwnedScalar::Groups(parsed) = parse(groups.text()).unwrap() else { panic!("not a list") };
    assert_eq!(parsed, *groups);
    let read = Listed::from_values(vec![OwnedScalar::Groups(parsed)]).unwrap();
    assert_eq!(read, record);
    assert_eq!(read.pairs.iter().collect::<Vec<_>>(), pairs);
    assert_eq!((read.pairs.len(), read.pairs.is_empty()), (pairs.len(), false));
}

#[test]
fn an_absent_list_is_empty_but_a_stored_one_must_not_be_null() {
    let empty = listed([]);
    assert!(empty.pairs.is_empty());
    assert_eq!(Listed::example(), empty);
    assert_eq!(Listed::from_values(vec![OwnedScalar::Null]).unwrap_err(), "is required");
    assert!(matches!(parse(""), Ok(OwnedScalar::Groups(groups)) if groups.rows().is_empty()));
}

#[test]
fn a_text_that_is_no_list_of_such_groups_is_refused() {
    for (text, message) in [
        ("a\n", "a group has 1 values instead of 2"),
        ("a\tb\tc\n", "a group has 3 values instead of 2"),
        ("a\\x\tb\n", "a backslash must be followed by t, n, r or a backslash"),
        ("a\\\tb\n", "a backslash must be followed by t, n, r or a backslash"),
        ("\\N\tb\n", "is required"),
        (
            "a\t \n",
            "source: must be one line of 1 to 200 characters, not blank, without control characters and bidirectional overrides",
        ),
    ] {
        assert_eq!(parse(text), Err(message.to_owned()), "{text:?}");
    }
}

#[test]
fn the_audit_log_has_a_text_for_each_group() {
    let record = listed([pair("a", Some("x")), pair("b", None)]);
    let texts = ["a\tx", "b\t\\N"].map(str::to_owned).to_vec();
    assert_eq!(record.fields(), [("pairs", FieldValue::Texts(texts))]);
}

#[test]
fn an_import_keeps_a_list_that_only_the_server_sets() {
    let current = listed([pair("a", None)]);
    assert_eq!(listed([]).merged_onto(&current), current);
}
