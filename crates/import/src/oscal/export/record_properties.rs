//! The fields of a record that properties carry.

use kernel::{Record, ScalarValue};
use serde_json::Value;

use super::Losses;
use crate::oscal::{
    field_rules::{Carrier, by_column},
    properties::property,
};

/// The properties of a record, and what is lost of it: of each value that nothing carries, and of each that a property
/// can't have as it is.
pub(super) fn record_properties<R: Record>(record: &R, losses: &mut Losses) -> Vec<Value> {
    let mut properties = Vec::new();
    for (rule, value) in by_column(R::KIND).zip(record.values()) {
        match rule.carrier {
            Carrier::Member(_) => {}
            Carrier::Nothing if is_empty(value) => {}
            Carrier::Nothing => losses.add(R::KIND, rule.field),
            Carrier::Property(name) => {
                let Some(value) = text_of(value) else { continue };
                let trimmed = value.trim();
                if trimmed.len() < value.len() {
                    losses.add(R::KIND, rule.field);
                }
                losses.add_property(R::KIND, rule.field);
                properties.push(property(name, trimmed));
            }
        }
    }
    properties
}

fn is_empty(value: ScalarValue<'_>) -> bool {
    match value {
        ScalarValue::Groups(groups) => groups.rows().is_empty(),
        value => value == ScalarValue::Null,
    }
}

/// The text of a value; `None` without one.
fn text_of(value: ScalarValue<'_>) -> Option<String> {
    match value {
        ScalarValue::Null | ScalarValue::Id(..) | ScalarValue::Ids(..) | ScalarValue::Groups(_) => None,
        ScalarValue::Text(text) => Some(text.to_owned()),
        ScalarValue::Name(name) => Some(name.to_owned()),
        ScalarValue::Integer(number) => Some(number.to_string()),
        ScalarValue::Timestamp(time) => Some(time.to_string()),
    }
}
