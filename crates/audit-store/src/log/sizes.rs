//! The sizes of entries.

use std::mem::size_of;

use kernel::{Entry, FieldValue};

/// The number of bytes of the texts of an entry.
pub(crate) fn text_bytes(entry: &Entry) -> usize {
    // The identifiers of the entry, its organization and its request.
    const IDS: usize = 78;
    let length = |text: Option<&str>| text.map_or(0, str::len);
    let value = |value: &FieldValue| match value {
        FieldValue::Text(text) => text.len(),
        FieldValue::Texts(texts) => texts.iter().map(|text| text.len() + 3).sum(),
        _ => size_of::<i64>(),
    };
    let changes = entry.changes.iter();
    let changes = changes.map(|change| 35 + change.field.len() + value(&change.before) + value(&change.after));
    let subject = entry.subject.as_ref().map_or(0, |subject| subject.kind.len() + subject.id.len());
    let origin = &entry.origin;
    IDS + entry.action.as_str().len()
        + length(entry.actor.id.as_deref())
        + entry.actor.name.len()
        + subject
        + length(entry.reason.as_ref().map(|reason| reason.as_str()))
        + length(origin.method.as_deref())
        + length(origin.route.as_deref())
        + length(origin.source_address.as_deref())
        + length(origin.user_agent.as_deref())
        + changes.sum::<usize>()
}
