//! The changes of an audit entry: records list their fields, and the difference of two lists is what changed.

use std::borrow::Cow;

use crate::entry::{Change, FieldValue};

/// A record whose changes the audit log lists field by field.
pub trait AuditFields {
    /// Returns all fields by their domain names, in an order that is the same for every record of the type.
    fn fields(&self) -> Vec<(&'static str, FieldValue)>;
}

impl Change {
    /// Returns the differences between two states of a record. For a new record these are all fields that are not null.
    #[must_use]
    pub fn between<F: AuditFields>(before: Option<&F>, after: &F) -> Vec<Self> {
        let mut old = before.map(AuditFields::fields).unwrap_or_default().into_iter();
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
