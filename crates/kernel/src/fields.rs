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

#[cfg(test)]
mod tests {
    use super::*;

    struct Pair(Option<i64>, Option<i64>);

    impl AuditFields for Pair {
        fn fields(&self) -> Vec<(&'static str, FieldValue)> {
            vec![("one", self.0.into()), ("other", self.1.into())]
        }
    }

    #[test]
    fn only_the_fields_that_differ_are_changes() {
        let changes = Change::between(Some(&Pair(Some(1), Some(2))), &Pair(Some(1), None));
        let after = FieldValue::Null;
        assert_eq!(changes, [Change { field: "other".into(), before: FieldValue::Text("2".to_owned()), after }]);
        assert_eq!(Change::between(Some(&Pair(Some(1), None)), &Pair(Some(1), None)), []);
    }

    #[test]
    fn every_field_of_a_new_record_that_is_not_null_is_a_change() {
        let after = FieldValue::Text("1".to_owned());
        assert_eq!(
            Change::between(None, &Pair(Some(1), None)),
            [Change { field: "one".into(), before: FieldValue::Null, after }]
        );
    }
}
