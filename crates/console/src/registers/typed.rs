//! The texts that a person typed into a form, read as a record.

use std::{borrow::Cow, collections::BTreeMap, fmt::Display};

use kernel::{Column, ColumnType, Decoder, IdText, Kind, OwnedScalar, Record, ScalarValue, Timestamp};

use super::{Register, register_of};
use crate::{
    text_fault::{TextLimits, text_fault},
    words::camel_case,
    zone::Zone,
};

/// The faults of the texts that were typed: the name of each field, with the message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TypedFaults(pub(crate) BTreeMap<String, String>);

/// Reads a record from the texts of a form, by the name of each field. Times are those of clocks in `zone`. Fields that a
/// form does not show keep the values of `current`, and times of which it shows the same minute keep their seconds.
///
/// # Errors
/// [`TypedFaults`] of all fields at once.
pub(crate) fn read_typed<R: Record>(
    texts: &BTreeMap<String, String>,
    zone: &Zone,
    current: Option<&R>,
) -> Result<R, TypedFaults> {
    let register = register_of::<R>();
    let hidden = hidden(&register, current.is_some());
    let kept: BTreeMap<usize, OwnedScalar> = match current {
        Some(current) => {
            let values = current.values().into_iter().map(ScalarValue::to_owned).enumerate();
            values.filter(|(index, _)| hidden.contains(index)).collect()
        }
        None => hidden.into_iter().map(|index| (index, initial(&register.columns[index]))).collect(),
    };
    let times = current.map_or_else(BTreeMap::new, |current| {
        let time = |(index, value)| match value {
            ScalarValue::Timestamp(time) => Some((index, time)),
            _ => None,
        };
        current.values().into_iter().enumerate().filter_map(time).collect()
    });
    let mut typed = Typed { register, texts, zone, kept, times, consumed: 0, text: None, faults: BTreeMap::new() };
    match R::decode(&mut typed) {
        Ok(record) if typed.faults.is_empty() => Ok(record),
        _ => Err(TypedFaults(typed.faults)),
    }
}

/// The positions of the columns that a form does not show: those that only the server sets and, in the form of a record
/// that exists, those that only its creation sets.
pub(super) fn hidden(register: &Register, exists: bool) -> Vec<usize> {
    let columns = register.columns.iter().enumerate();
    let hidden = columns.filter(|(_, column)| {
        column.is_derived
            || (exists && (column.is_create_only || column.key.is_some()))
            || matches!(column.column_type, ColumnType::Groups)
            || is_set_by_commands(register.kind, column, exists)
    });
    hidden.map(|(index, _)| index).collect()
}

/// The positions of the columns that a form shows.
pub(super) fn shown(register: &Register, exists: bool) -> Vec<usize> {
    let hidden = hidden(register, exists);
    (0..register.columns.len()).filter(|index| !hidden.contains(index)).collect()
}

/// The names of the fields that the form of a new record has.
pub(crate) fn new_fields(register: &Register) -> Vec<String> {
    shown(register, false).into_iter().map(|index| field_name(register, index)).collect()
}

/// Whether only commands set the column, so that the form of a new record does not have it either.
fn is_set_by_commands(kind: Kind, column: &Column, exists: bool) -> bool {
    match kind {
        Kind::Finding => column.name == "status" || (exists && column.name.starts_with("source_")),
        Kind::EvidenceClaim => column.is_create_only || column.name == "source_kind",
        Kind::Assessment | Kind::SubmissionPackage => column.is_create_only,
        _ => false,
    }
}

/// The value that a new record has in a column that its form does not show: the first status, or none.
fn initial(column: &Column) -> OwnedScalar {
    match column.column_type {
        ColumnType::Name([first, ..]) if !column.nullable => OwnedScalar::Name(first),
        _ => OwnedScalar::Null,
    }
}

/// The name of the field for the column at this position.
pub(super) fn field_name(register: &Register, index: usize) -> String {
    camel_case(register.columns[index].label)
}

/// The name of the field for the key; that of the first field if the register has no key.
pub(crate) fn key_field(register: &Register) -> String {
    field_name(register, register.key().unwrap_or_default())
}

struct Typed<'t> {
    register: Register,
    texts: &'t BTreeMap<String, String>,
    zone: &'t Zone,
    /// The values of the columns that the form does not show, by their position.
    kept: BTreeMap<usize, OwnedScalar>,
    /// The times of the record that is edited, by their position.
    times: BTreeMap<usize, Timestamp>,
    consumed: usize,
    text: Option<Cow<'t, str>>,
    faults: BTreeMap<String, String>,
}

impl Decoder for Typed<'_> {
    /// The fault is kept.
    type Error = ();

    fn text(&mut self) -> Result<Option<&str>, ()> {
        let index = self.consumed;
        self.consumed += 1;
        if let Some(value) = self.kept.get(&index) {
            self.text = plain_text(value).map(Cow::Owned);
            return Ok(self.text.as_deref());
        }
        let name = field_name(&self.register, index);
        let text = self.texts.get(&name).map(|text| text.trim()).filter(|text| !text.is_empty());
        // Browsers send CR LF at the end of each line of an area.
        self.text =
            text.map(|text| if text.contains('\r') { Cow::Owned(text.replace("\r\n", "\n")) } else { text.into() });
        Ok(self.text.as_deref())
    }

    fn timestamp(&mut self) -> Result<Option<Timestamp>, ()> {
        let index = self.consumed;
        let Some(text) = self.text()?.map(str::to_owned) else { return Ok(None) };
        // An input shows the minute only, so that another time may be meant only if the minute is another one.
        let current = self.times.get(&index).copied();
        let is_same = |time: &Timestamp| self.kept.contains_key(&index) || self.zone.input_minute(*time) == text;
        if let Some(time) = current.filter(is_same) {
            return Ok(Some(time));
        }
        let is_due = self.register.columns[index].name.ends_with("due_at");
        let parsed = if is_due { self.zone.parse_due(&text) } else { self.zone.parse_input(&text) };
        parsed.map(Some).map_err(|message| self.invalid(0, &message))
    }

    fn invalid(&mut self, columns_back: usize, message: &dyn Display) {
        let index = self.consumed.saturating_sub(1 + columns_back);
        let name = field_name(&self.register, index);
        let message = self.own_message(index, &name, message.to_string());
        self.faults.entry(name).or_insert(message);
    }
}

impl Typed<'_> {
    /// The one rule that a text breaks, instead of the message that has all rules of its column.
    fn own_message(&self, index: usize, name: &str, message: String) -> String {
        let ColumnType::Text { min, max, rule, .. } = self.register.columns[index].column_type else { return message };
        let text = self.texts.get(name).filter(|_| message == rule);
        // Only long texts have several lines.
        let limits = TextLimits { min, max, is_multiline: max > 1000, allows_overrides: max > 1000 };
        text.and_then(|text| text_fault(text, limits)).unwrap_or(message)
    }
}

/// The value as the decoder of its type reads it.
fn plain_text(value: &OwnedScalar) -> Option<String> {
    Some(match value {
        OwnedScalar::Null => return None,
        OwnedScalar::Text(text) => text.clone(),
        OwnedScalar::Name(name) => (*name).to_owned(),
        OwnedScalar::Integer(number) => number.to_string(),
        OwnedScalar::Timestamp(time) => time.to_string(),
        OwnedScalar::Id(prefix, ulid) => IdText(prefix, *ulid).to_string(),
        OwnedScalar::Ids(prefix, ulids) => {
            ulids.iter().map(|ulid| IdText(prefix, *ulid).to_string()).collect::<Vec<_>>().join(" ")
        }
        OwnedScalar::Groups(groups) => groups.text().to_owned(),
    })
}
