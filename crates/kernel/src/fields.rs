//! Telling what changed: records list their fields, and two lists make the changes of an audit entry.

use std::borrow::Cow;

use crate::entry::{Change, FieldValue};

/// A record whose changes the audit log shows field by field.
pub trait Fields {
    /// Every field of its own by its domain name, in a fixed order, the same for every record of the type.
    fn fields(&self) -> Vec<(&'static str, FieldValue)>;
}

impl Change {
    /// What differs between two states of a record; all that is not null, for one that is new.
    #[must_use]
    pub fn between<F: Fields>(before: Option<&F>, after: &F) -> Vec<Self> {
        let mut old = before.map(Fields::fields).unwrap_or_default().into_iter();
        after
            .fields()
            .into_iter()
            .filter_map(|(field, after)| {
                let before = old.next().map_or(FieldValue::Null, |(_, before)| before);
                (before != after).then_some(Self { field: Cow::Borrowed(field), before, after })
            })
            .collect()
    }
}
