//! The words of the pages: labels of fields, statuses and kinds, made of the names that the API has.

use std::borrow::Cow;

use kernel::Column;

/// Abbreviations that are written in capital letters wherever they stand.
const ABBREVIATIONS: &[&str] = &["api", "cve", "cvss", "id", "kci", "kpi", "kqi", "kri", "sla", "url", "vex"];

/// Endings of names that say of which type a value is, which a reader does not need.
const TYPE_ENDINGS: &[&str] =
    &["_responsibility_assignment_id", "_member_user_id", "_at", "_ids", "_id", "_keys", "_key"];

/// Names of fields that the words of the API make long or unclear.
const FIELD_LABELS: &[(&str, &str)] = &[
    ("aggregate_result", "Result"),
    ("asset_kind", "Kind"),
    ("change_kind", "Kind"),
    ("custodian_responsibility_id", "Custodian"),
    ("engagement_kind", "Kind"),
    ("evidence_requirement_id", "Requirement"),
    ("exception_kind", "Kind"),
    ("indicator_definition_id", "Indicator"),
    ("indicator_kind", "Kind"),
    ("fail_count", "Failed"),
    ("measured_value", "Value"),
    ("monitor_definition_id", "Monitor"),
    ("monitor_run_id", "Run"),
    ("node_kind", "Kind"),
    ("owner_responsibility_id", "Responsibility"),
    ("parent_node_id", "Parent"),
    ("pass_count", "Passed"),
    ("recipient_name", "Recipient"),
    ("review_kind", "Kind"),
    ("source_kind", "Source"),
    ("source_resource_id", "Source record"),
    ("source_resource_type", "Source type"),
    ("subject_resource_id", "Subject"),
    ("subject_resource_type", "Subject type"),
    ("submission_kind", "Kind"),
    ("submission_package_id", "Package"),
    ("submission_requirement_id", "Requirement"),
    ("target_resource_id", "Target"),
    ("target_resource_type", "Target type"),
    ("trigger_kind", "Trigger"),
    ("unknown_count", "Unknown"),
    ("vulnerability_kind", "Kind"),
    ("warning_count", "Warnings"),
];

/// Returns a name in `snake_case` or `kebab-case` as words that begin with a capital letter: `under-treatment` becomes
/// "Under treatment".
#[must_use]
pub(crate) fn sentence(name: &str) -> String {
    let mut text = words(name);
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// Returns a name as words in the middle of a sentence: `remediation_planned` becomes "remediation planned".
#[must_use]
pub(crate) fn words(name: &str) -> String {
    let words = name.split(['_', '-']).map(|word| {
        if ABBREVIATIONS.contains(&word) { Cow::Owned(word.to_ascii_uppercase()) } else { Cow::Borrowed(word) }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Returns the label of a column: "Key" for the key of the record itself, "Owner" for
/// `owner_member_user_id`.
#[must_use]
pub(crate) fn label(column: &Column) -> String {
    if column.key.is_some() {
        return "Key".to_owned();
    }
    field_label(column.label)
}

/// Returns the label of a field by its name: "Due" for `due_at`.
#[must_use]
pub(crate) fn field_label(name: &str) -> String {
    if let Some((_, label)) = FIELD_LABELS.iter().find(|(field, _)| *field == name) {
        return (*label).to_owned();
    }
    let ending = TYPE_ENDINGS.iter().find(|ending| name.ends_with(*ending));
    sentence(ending.map_or(name, |ending| &name[..name.len() - ending.len()]))
}

/// Returns the indefinite article of a word with the word: "an asset", "a risk".
#[must_use]
pub(crate) fn with_article(word: &str) -> String {
    let article = if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {word}")
}

/// Returns the number with its thousands grouped: "1,000,000".
#[must_use]
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns the part of the whole in percent, with a digit behind the point if it is small.
#[must_use]
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if part == 0 || whole == 0 {
        return "0 %".to_owned();
    }
    let tenths = (part.saturating_mul(1000) / whole).max(1);
    if tenths < 100 { format!("{}.{} %", tenths / 10, tenths % 10) } else { format!("{} %", tenths / 10) }
}

/// Returns the place of an entry in the chain of the audit log, with its thousands grouped.
#[must_use]
pub(crate) fn sequence(number: i64) -> String {
    grouped(number.unsigned_abs())
}

/// Returns the number with the noun in the right form: "1 finding", "2 findings".
#[must_use]
pub(crate) fn counted(number: usize, singular: &str, plural: &str) -> String {
    format!("{} {}", grouped(number as u64), if number == 1 { singular } else { plural })
}

/// The identifier with its middle left out.
#[must_use]
pub(crate) fn shortened(id: &str) -> String {
    match (id.char_indices().nth(13), id.char_indices().rev().nth(3)) {
        (Some((start, _)), Some((end, _))) if start < end => format!("{}…{}", &id[..start], &id[end..]),
        _ => id.to_owned(),
    }
}

/// A name of the domain in the letter case of the API.
#[must_use]
pub(crate) fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut camel, word| {
        let (head, tail) = word.split_at(word.len().min(1));
        camel.push_str(&head.to_ascii_uppercase());
        camel.push_str(tail);
        camel
    })
}

/// A name of the API in the letter case of the domain.
#[must_use]
pub(crate) fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        let texts = [0, 999, 1_000, 123_456, 1_000_000].map(grouped);
        assert_eq!(texts, ["0", "999", "1,000", "123,456", "1,000,000"]);
    }

    #[test]
    fn identifiers_are_shortened_in_their_middle() {
        assert_eq!(shortened("find_01KSFQX5Y800000000000000003"), "find_01KSFQX5…0003");
        assert_eq!(shortened("findings"), "findings");
        assert_eq!(shortened("ééééééééééééééééééééé"), "ééééééééééééé…éééé");
    }

    #[test]
    fn names_become_words_and_abbreviations_stay_capital() {
        assert_eq!(sentence("under-treatment"), "Under treatment");
        assert_eq!(sentence("remediation_planned"), "Remediation planned");
        assert_eq!(sentence("cvss_score"), "CVSS score");
        assert_eq!(words("module_signal"), "module signal");
        assert_eq!(sentence(""), "");
    }

    #[test]
    fn labels_leave_out_what_only_says_the_type() {
        let column = |label| Column { label, ..Column::new::<kernel::Title>("name", false) };
        assert_eq!(label(&column("owner_responsibility_assignment_id")), "Owner");
        assert_eq!(label(&column("completed_at")), "Completed");
        assert_eq!(label(&column("valid_until")), "Valid until");
        assert_eq!(label(&column("subject_resource_id")), "Subject");
        let key = Column { key: Some(kernel::KeyScope::Organization), ..column("risk_key") };
        assert_eq!(label(&key), "Key");
    }

    #[test]
    fn articles_and_numbers_agree_with_their_noun() {
        assert_eq!((with_article("asset"), with_article("risk")), ("an asset".to_owned(), "a risk".to_owned()));
        assert_eq!(counted(1, "finding", "findings"), "1 finding");
        assert_eq!(counted(0, "finding", "findings"), "0 findings");
    }

    #[test]
    fn parts_are_shown_in_percent() {
        for (part, whole, text) in
            [(0, 0, "0 %"), (1, 10_000, "0.1 %"), (27, 1000, "2.7 %"), (1, 2, "50 %"), (3, 3, "100 %")]
        {
            assert_eq!(percent(part, whole), text);
        }
    }
}
