//! The texts of records in the controls of forms.

use kernel::OwnedScalar;

use super::{RecordName, References, Register, Row, reference_text, typed::field_name};
use crate::zone::Zone;

/// The value as the control of its column takes it.
fn input_text(value: &OwnedScalar, zone: &Zone) -> String {
    match value {
        OwnedScalar::Null | OwnedScalar::Groups(_) => String::new(),
        OwnedScalar::Text(text) => text.clone(),
        OwnedScalar::Name(name) => (*name).to_owned(),
        OwnedScalar::Integer(number) => number.to_string(),
        OwnedScalar::Timestamp(time) => zone.input_minute(*time),
        OwnedScalar::Id(..) | OwnedScalar::Ids(..) => reference_text(value).replace(' ', "\n"),
    }
}

/// The text of the record's field in the form that is opened to edit it: references are named by key or email address.
pub(super) fn shown_text(register: &Register, row: &Row, references: &References, zone: &Zone, index: usize) -> String {
    match references.found.get(&field_name(register, index)).map_or(&[][..], Vec::as_slice) {
        [] => input_text(&row.values[index], zone),
        found => found.iter().map(RecordName::input_text).collect::<Vec<_>>().join("\n"),
    }
}
