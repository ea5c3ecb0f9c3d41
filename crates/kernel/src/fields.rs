//! The changes of an audit entry: records list their fields, and the difference of two lists is what changed.

use std::borrow::Cow;

use crate::{
    entry::{Change, FieldValue},
    id::HasIdPrefix,
    resource::Stored,
};

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

    /// Returns the identifier and the fields of an event that was recorded about another record, for the audit entry of
    /// that record. They are named `event_…` to distinguish them from its own. The field `parent` is left out: it has
    /// the identifier of the record.
    #[must_use]
    pub fn of_event<E: AuditFields + HasIdPrefix>(event: &Stored<E>, parent: &str) -> Vec<Self> {
        let id = Self {
            field: Cow::Borrowed("event_id"),
            before: FieldValue::Null,
            after: FieldValue::Text(event.meta.id.to_string()),
        };
        let fields = Self::between(None, &event.record).into_iter().filter(|change| change.field != parent);
        let named = fields.map(|change| match change.field.starts_with("event_") {
            true => change,
            false => Self { field: format!("event_{}", change.field).into(), ..change },
        });
        [id].into_iter().chain(named).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{id::Id, timestamp::Timestamp};
    use ulid::Ulid;

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

    impl HasIdPrefix for Pair {
        const PREFIX: &'static str = "pair";
    }

    #[test]
    fn the_fields_of_an_event_are_named_apart_from_those_of_the_record_that_it_is_about() {
        let event = Stored::new(Id::new(Ulid(1)), Id::new(Ulid(2)), Timestamp::MIN, Pair(Some(1), Some(2)));
        let changes = |parent| {
            let changes = Change::of_event(&event, parent);
            assert!(changes.iter().all(|change| change.before == FieldValue::Null));
            changes.into_iter().map(|change| (change.field.into_owned(), change.after)).collect::<Vec<_>>()
        };
        let text = |text: &str| FieldValue::Text(text.to_owned());
        let id = ("event_id".to_owned(), text("pair_00000000000000000000000002"));
        assert_eq!(changes("one"), [id.clone(), ("event_other".to_owned(), text("2"))]);
        assert_eq!(changes("other"), [id, ("event_one".to_owned(), text("1"))]);
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
