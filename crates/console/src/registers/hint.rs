//! The hints of fields: what the statement of a record says about them, unless that only repeats the label.

use kernel::{Column, ColumnType};

use super::{Named, Register, record_names::is_person, register::register_with_prefix};
use crate::words::{label, with_article};

/// Words that say nothing beside those of the label.
const EMPTY: &[&str] = &[
    "a", "above", "an", "and", "belongs", "each", "for", "has", "in", "is", "it", "its", "of", "problem", "record",
    "that", "the", "this", "to", "which",
];

/// The hint of a field.
pub(super) fn hint(register: &Register, column: &Column) -> String {
    let is_said = matches!(Named::of(column), Some(Named::Person | Named::Target)) || repeats_label(register, column);
    let said = if is_said { "" } else { column.description };
    let how = match column.column_type {
        ColumnType::Id(prefix) => register_with_prefix(prefix).map(|target| {
            let one = with_article(&target.noun());
            if target.key().is_some() { format!("The key or the id of {one}.") } else { format!("The id of {one}.") }
        }),
        ColumnType::Ids(prefix) => register_with_prefix(prefix)
            .map(|target| format!("The keys or the ids of {}, each in a line of its own.", target.nouns())),
        _ if Named::of(column) == Some(Named::Target) => Some(
            "The key or the id of a record of this workspace, or the identifier of a thing in another system."
                .to_owned(),
        ),
        _ if is_person(column) => {
            Some("A person of this workspace: choose one, or type their email address.".to_owned())
        }
        _ => None,
    };
    let parts = [Some(said.to_owned()).filter(|said| !said.is_empty()), how];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Whether the description of a column has no word beside those of its label and of the record.
fn repeats_label(register: &Register, column: &Column) -> bool {
    let repeated = format!("{} {} {}", label(column), column.label.replace('_', " "), register.noun());
    let repeated: Vec<String> = repeated.split(' ').map(stem).collect();
    let description = column.description.replace("'s", "");
    let mut words = description.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty());
    words.all(|word| EMPTY.contains(&word.to_lowercase().as_str()) || repeated.contains(&stem(word)))
}

/// A word without the ending of its plural, in small letters.
fn stem(word: &str) -> String {
    let word = word.to_lowercase();
    word.strip_suffix('s').map_or_else(|| word.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use registers::{CoverageLink, Measurement, Risk};

    use super::*;
    use crate::registers::register_of;

    fn hint_of<R: kernel::Record>(name: &str) -> String {
        let register = register_of::<R>();
        hint(&register, &register.columns[register.position(name).expect("a column")])
    }

    #[test]
    fn a_hint_that_repeats_the_label_is_left_out() {
        assert_eq!((hint_of::<Risk>("title"), hint_of::<Risk>("status")), (String::new(), String::new()));
        assert_eq!(hint_of::<Risk>("key"), "The key of the risk, unique in the organization.");
        assert_eq!(hint_of::<Risk>("description"), "The event that may happen and its consequences.");
    }

    #[test]
    fn the_hint_of_a_reference_says_what_to_type() {
        assert!(hint_of::<Measurement>("indicator_definition_id").ends_with("The key or the id of an indicator."));
        assert!(hint_of::<CoverageLink>("node_id").ends_with("The key or the id of a framework requirement."));
    }
}
