//! The fields of a record by the changes that the audit log has of it.

use kernel::{AuditFields, Change, FieldValue};

/// Maximum number of characters of a value in a message.
const MAX_VALUE_CHARACTERS: usize = 200;

/// The fields of a record by the changes that the audit log has of it. The order of the entries does not matter: each
/// change replaces a value, so the value of a field is the one that is set once more often than it is replaced.
#[derive(Default)]
pub(super) struct LoggedFields {
    fields: Vec<LoggedField>,
}

struct LoggedField {
    name: String,
    /// Each value of the field, with how often it is set minus how often it is replaced.
    values: Vec<(FieldValue, i64)>,
}

impl LoggedFields {
    /// Adds the changes of an entry.
    pub(super) fn add(&mut self, changes: &[Change]) {
        for Change { field, before, after } in changes {
            let index = self.fields.iter().position(|logged| logged.name == *field);
            let index = index.unwrap_or_else(|| {
                // A record begins without any value.
                self.fields.push(LoggedField { name: field.to_string(), values: vec![(FieldValue::Null, 1)] });
                self.fields.len() - 1
            });
            let field = &mut self.fields[index];
            field.count(before, -1);
            field.count(after, 1);
        }
    }

    /// The value of a field after all changes; `None` if the changes contradict each other.
    pub(super) fn value(&self, name: &str) -> Option<&FieldValue> {
        let Some(field) = self.fields.iter().find(|field| field.name == name) else { return Some(&FieldValue::Null) };
        let mut left = field.values.iter().filter(|(_, count)| *count != 0);
        match (left.next(), left.next()) {
            (Some((value, 1)), None) => Some(value),
            _ => None,
        }
    }

    /// The value of a field that is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.value(name) {
            Some(FieldValue::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Describes the fields of a record that have another value than by the log.
    pub(super) fn differences(&self, record: &impl AuditFields) -> Vec<String> {
        let compared = record.fields().into_iter().map(|(name, value)| (name, value, self.value(name)));
        compared
            .filter_map(|(name, value, logged)| match logged {
                None => Some(format!("the entries of the audit log about its {name} contradict each other")),
                Some(logged) if *logged != value => {
                    Some(format!("its {name} is {}, but by the audit log {}", describe(&value), describe(logged)))
                }
                Some(_) => None,
            })
            .collect()
    }
}

impl LoggedField {
    fn count(&mut self, value: &FieldValue, by: i64) {
        match self.values.iter_mut().find(|(counted, _)| counted == value) {
            Some((_, count)) => *count += by,
            None => self.values.push((value.clone(), by)),
        }
    }
}

/// The value in a message, without control characters.
fn describe(value: &FieldValue) -> String {
    let text = match value {
        FieldValue::Null => "null".to_owned(),
        FieldValue::Bool(value) => value.to_string(),
        FieldValue::Integer(number) => number.to_string(),
        FieldValue::Text(text) => format!("{text:?}"),
        FieldValue::Texts(texts) => format!("{texts:?}"),
    };
    match text.char_indices().nth(MAX_VALUE_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Status(&'static str);

    impl AuditFields for Status {
        fn fields(&self) -> Vec<(&'static str, FieldValue)> {
            vec![("status", text(self.0)), ("note", FieldValue::Null)]
        }
    }

    fn text(text: &str) -> FieldValue {
        FieldValue::Text(text.to_owned())
    }

    fn change(before: FieldValue, after: FieldValue) -> Change {
        Change { field: "status".into(), before, after }
    }

    fn logged(changes: &[(FieldValue, FieldValue)]) -> LoggedFields {
        let mut logged = LoggedFields::default();
        for (before, after) in changes {
            logged.add(&[change(before.clone(), after.clone())]);
        }
        logged
    }

    #[test]
    fn a_field_has_the_value_that_its_changes_end_with_in_whatever_order_they_are() {
        let changes = [
            (FieldValue::Null, text("pending")),
            (text("pending"), text("approved")),
            (text("approved"), text("withdrawn")),
        ];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let logged = logged(&order.map(|index: usize| changes[index].clone()));
            assert_eq!(logged.text("status"), Some("withdrawn"));
            assert_eq!(logged.differences(&Status("withdrawn")), [""; 0]);
            let differences = logged.differences(&Status("approved"));
            assert_eq!(differences, [r#"its status is "approved", but by the audit log "withdrawn""#]);
        }
    }

    #[test]
    fn a_field_that_returns_to_an_earlier_value_has_it() {
        let there_and_back =
            [(FieldValue::Null, text("a")), (text("a"), text("b")), (text("b"), text("a")), (text("a"), text("b"))];
        assert_eq!(logged(&there_and_back).text("status"), Some("b"));
        assert_eq!(logged(&there_and_back[..3]).text("status"), Some("a"));
        let gone = [(FieldValue::Null, text("a")), (text("a"), FieldValue::Null)];
        assert_eq!(logged(&gone).value("status"), Some(&FieldValue::Null));
    }

    #[test]
    fn changes_that_do_not_follow_each_other_contradict() {
        let apart = [(FieldValue::Null, text("a")), (text("b"), text("c"))];
        let differences = logged(&apart).differences(&Status("c"));
        assert_eq!(differences, ["the entries of the audit log about its status contradict each other"]);
    }

    #[test]
    fn a_value_in_a_message_is_bounded_and_has_no_control_characters() {
        assert_eq!(describe(&text("a\nb\t\u{202e}")), r#""a\nb\t\u{202e}""#);
        assert_eq!(describe(&text(&"ä".repeat(1000))).chars().count(), MAX_VALUE_CHARACTERS + 1);
    }
}
