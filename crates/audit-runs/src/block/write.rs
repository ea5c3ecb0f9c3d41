//! Writing a block.

use kernel::Entry;

use super::Item;
use crate::{
    bytes::{put_section, zigzag},
    changes::ChangeWriter,
    columns::put_column,
    dictionary::{CallKey, CallerKey, SubjectId, collect::Collected},
    frame::Content,
    neighbours::{Neighbours, RandomColumns},
    texts::OwnTexts,
};

/// Returns the content of the frame of a block with these items.
pub(crate) fn block_content(collected: &Collected<'_>, items: &[Item<'_>], has_stubs: bool) -> Content {
    let mut texts = OwnTexts::default();
    let mut content = Content::default();
    if has_stubs {
        let is_stub: Vec<u64> = items.iter().map(|item| u64::from(item.entry().is_none())).collect();
        put_column(&mut content, &is_stub);
    }
    put_identifiers(&mut content, items);
    let entries: Vec<&Entry> = items.iter().filter_map(|item| item.entry()).collect();
    put_numbers(&mut content, collected, &entries);
    put_subjects(&mut content, collected, &mut texts, &entries);
    put_reasons_and_changes(&mut content, collected, &mut texts, &entries);
    let mut plain = Vec::with_capacity(content.plain.len() + texts.bytes.len() + 8);
    put_section(&mut plain, &texts.bytes);
    plain.extend_from_slice(&content.plain);
    Content { plain, ..content }
}

fn put_column_of<T>(content: &mut Content, items: &[T], value: impl FnMut(&T) -> u64) {
    put_column(content, &items.iter().map(value).collect::<Vec<_>>());
}

fn put_identifiers(content: &mut Content, items: &[Item<'_>]) {
    let mut neighbours = Neighbours::of_calls();
    let (mut ids, mut requests, mut whole) = (RandomColumns::default(), RandomColumns::default(), Vec::new());
    for item in items {
        match item {
            Item::Entry(entry) => {
                requests.push(&mut neighbours, entry.origin.request_id.ulid(), &mut whole);
            }
            Item::Stub(_, hash) => whole.extend_from_slice(&hash.0),
        }
        ids.push(&mut neighbours, item.id().ulid(), &mut whole);
    }
    let mut before = 0;
    put_column_of(content, items, |item| {
        let millis = item.id().ulid().timestamp_ms() as i64;
        zigzag(millis - std::mem::replace(&mut before, millis))
    });
    ids.put(content);
    let entries: Vec<&Entry> = items.iter().filter_map(|item| item.entry()).collect();
    put_column_of(content, &entries, |entry| {
        zigzag(entry.id.ulid().timestamp_ms() as i64 - entry.origin.request_id.ulid().timestamp_ms() as i64)
    });
    requests.put(content);
    content.random.append(&mut whole);
}

fn put_numbers(content: &mut Content, collected: &Collected<'_>, entries: &[&Entry]) {
    let id_millis = |entry: &Entry| entry.id.ulid().timestamp_ms() as i64;
    put_column_of(content, entries, |entry| zigzag(entry.occurred_at.millis() - id_millis(entry)));
    put_column_of(content, entries, |entry| {
        let wall_clock = entry.wall_clock.map(|clock| zigzag(clock.millis() - entry.occurred_at.millis()));
        wall_clock.map_or(0, |difference| difference + 1)
    });
    put_column_of(content, entries, |entry| collected.callers.number(&CallerKey::new(entry)));
    put_column_of(content, entries, |entry| collected.calls.number(&CallKey::new(entry).0));
}

fn put_subjects(content: &mut Content, collected: &Collected<'_>, texts: &mut OwnTexts, entries: &[&Entry]) {
    let mut neighbours = collected.neighbours.clone();
    let (mut references, mut millis, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    let mut randoms = RandomColumns::default();
    for entry in entries {
        match CallKey::new(entry).1 {
            Some(SubjectId::Text(text)) => references.push(texts.refer(&collected.texts, text)),
            Some(SubjectId::Ulid(ulid)) => match collected.subjects.get(&ulid) {
                Some(number) => references.push(number + 1),
                None => {
                    references.push(0);
                    millis.push(ulid.timestamp_ms());
                    randoms.push(&mut neighbours, ulid, &mut whole);
                }
            },
            None => {}
        }
    }
    put_column(content, &references);
    put_column(content, &millis);
    randoms.put(content);
    content.random.append(&mut whole);
}

fn put_reasons_and_changes(content: &mut Content, collected: &Collected<'_>, texts: &mut OwnTexts, entries: &[&Entry]) {
    put_column_of(content, entries, |entry| {
        let reason = entry.reason.as_ref().map(|reason| texts.refer(&collected.texts, reason.as_str()));
        reason.map_or(0, |reference| reference + 1)
    });
    put_column_of(content, entries, |entry| entry.changes.len() as u64);
    let Content { plain, random } = content;
    let mut writer = ChangeWriter { numbers: &collected.texts, texts, plain, random };
    entries.iter().for_each(|entry| writer.put(&entry.changes));
}
