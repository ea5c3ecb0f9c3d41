//! The errors of references.

use import::{CheckedDraft, RecordKind, ReferenceColumn, self_reference};
use kernel::Kind;

/// The name of a kind in messages.
pub(super) fn title(kind: Kind) -> String {
    RecordKind::of(kind).map_or_else(String::new, RecordKind::title)
}

/// The error of a key that no record has.
pub(super) fn missing_key(column: &ReferenceColumn, key: &str) -> String {
    let within = if column.scope.is_some() { " within its parent" } else { "" };
    format!(
        "{}: there is no {} with the key {key:?}{within}: the workspace has none, and no valid line creates it",
        column.key_field,
        title(column.target)
    )
}

/// The error of a draft that can only update a record, and there is none.
pub(super) fn incomplete(draft: &CheckedDraft) -> String {
    let with = if draft.key.is_some() { "with this key" } else { "that the line describes" };
    let needed = draft.missing_fields().join(", ");
    format!("{needed}: required, since the workspace has no {} {with} and one must be created", title(draft.kind))
}

/// The error of a record that is above itself.
pub(super) fn cycle(kind: Kind) -> String {
    let field = self_reference(kind).map_or("", |column| column.key_field.as_str());
    format!("{field}: the record would be above itself: the parents form a cycle")
}
