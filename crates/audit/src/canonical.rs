//! The canonical RFC 8785 JSON of entries, with the field names of the API, so that the hashed form is the published
//! form.

use std::fmt::{self, Write};

use kernel::{Entry, FieldValue};

use crate::{hash::Hash, stored_entry::StoredEntry};

/// Returns the entry as it is served and exported, with all members; those of the seal are `null` until the entry has
/// one.
#[must_use]
pub fn canonical_json(stored: &StoredEntry) -> String {
    let seal = stored.seal.as_ref();
    let position = seal.map(|seal| (seal.sequence, seal.previous_hash));
    render(&stored.entry, position, HashMember::Present(seal.map(|seal| seal.hash)))
}

/// Returns the hash of an entry at its position in the chain: the SHA-256 of its canonical form without the member
/// `hash`.
///
/// The served form without the member `hash` has the same hash.
#[must_use]
pub fn hash_entry(entry: &Entry, sequence: i64, previous_hash: Hash) -> Hash {
    Hash::digest(hashed_json(entry, sequence, previous_hash).as_bytes())
}

/// Returns the text of which [`hash_entry`] is the hash.
#[must_use]
pub fn hashed_json(entry: &Entry, sequence: i64, previous_hash: Hash) -> String {
    render(entry, Some((sequence, previous_hash)), HashMember::Absent)
}

enum HashMember {
    Absent,
    Present(Option<Hash>),
}

/// Serializes an entry. RFC 8785 orders members by their names, so the order below is part of the hash.
fn render(entry: &Entry, position: Option<(i64, Hash)>, hash: HashMember) -> String {
    let mut json = Json(String::with_capacity(estimated_length(entry)));
    json.raw(r#"{"action":"#).text(entry.action.as_str());
    json.raw(r#","actor":{"id":"#).optional(entry.actor.id.as_deref());
    json.raw(r#","kind":"#).text(entry.actor.kind.name());
    json.raw(r#","name":"#).text(&entry.actor.name);
    json.raw(r#"},"changes":["#);
    for (index, change) in entry.changes.iter().enumerate() {
        json.raw(if index == 0 { r#"{"after":"# } else { r#",{"after":"# }).value(&change.after);
        json.raw(r#","before":"#).value(&change.before);
        json.raw(r#","field":"#).text(&camel_case(&change.field)).raw("}");
    }
    json.raw("]");
    if let HashMember::Present(hash) = hash {
        json.raw(r#","hash":"#).quoted(hash);
    }
    json.raw(r#","id":"#).quoted(Some(entry.id));
    json.raw(r#","method":"#).optional(entry.origin.method.as_deref());
    json.raw(r#","occurredAt":"#).quoted(Some(entry.occurred_at));
    json.raw(r#","organizationId":"#).quoted(Some(entry.organization));
    json.raw(r#","previousHash":"#).quoted(position.map(|(_, previous)| previous));
    json.raw(r#","reason":"#).optional(entry.reason.as_ref().map(|reason| reason.as_str()));
    json.raw(r#","requestId":"#).quoted(Some(entry.origin.request_id));
    json.raw(r#","route":"#).optional(entry.origin.route.as_deref());
    json.raw(r#","sequence":"#).number(position.map(|(sequence, _)| sequence));
    json.raw(r#","sourceAddress":"#).optional(entry.origin.source_address.as_deref());
    json.raw(r#","status":"#).number(entry.status.map(i64::from));
    json.raw(r#","subject":"#);
    match &entry.subject {
        Some(subject) => json.raw(r#"{"id":"#).text(&subject.id).raw(r#","type":"#).text(&subject.kind).raw("}"),
        None => json.raw("null"),
    };
    json.raw(r#","userAgent":"#).optional(entry.origin.user_agent.as_deref());
    // Absent unless it has a value: entries from before the member existed keep their hashes.
    if entry.wall_clock.is_some() {
        json.raw(r#","wallClock":"#).quoted(entry.wall_clock);
    }
    json.raw("}");
    json.0
}

/// Estimates the length of the JSON, so that it is allocated once.
fn estimated_length(entry: &Entry) -> usize {
    // The member names, identifiers, times, hashes and short values.
    const FRAME: usize = 720;
    let value = |value: &FieldValue| match value {
        FieldValue::Text(text) => text.len(),
        FieldValue::Texts(texts) => texts.iter().map(|text| text.len() + 3).sum(),
        _ => 20,
    };
    let changes =
        entry.changes.iter().map(|change| 40 + change.field.len() + value(&change.before) + value(&change.after));
    FRAME
        + entry.actor.name.len()
        + entry.reason.as_ref().map_or(0, |reason| reason.as_str().len())
        + entry.origin.user_agent.as_ref().map_or(0, String::len)
        + changes.sum::<usize>()
}

/// Converts a field name of the domain, in snake case, to the name in the API, in camel case.
fn camel_case(field: &str) -> String {
    let mut camel = String::with_capacity(field.len());
    let mut words = field.split('_');
    camel.push_str(words.next().unwrap_or_default());
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

struct Json(String);

impl Json {
    fn raw(&mut self, json: &str) -> &mut Self {
        self.0.push_str(json);
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.0.push('"');
        let mut written = 0;
        for (index, byte) in text.bytes().enumerate() {
            if byte >= b' ' && byte != b'"' && byte != b'\\' {
                continue;
            }
            self.0.push_str(&text[written..index]);
            written = index + 1;
            self.escape(byte);
        }
        self.0.push_str(&text[written..]);
        self.0.push('"');
        self
    }

    /// Writes an escape sequence by RFC 8785 § 3.2.2.2: two characters where JSON has such an escape, `\u00xx` for
    /// other control characters.
    fn escape(&mut self, byte: u8) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let short = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            0x08 => "\\b",
            b'\t' => "\\t",
            b'\n' => "\\n",
            0x0c => "\\f",
            b'\r' => "\\r",
            _ => {
                self.0.push_str("\\u00");
                self.0.push(char::from(DIGITS[usize::from(byte >> 4)]));
                self.0.push(char::from(DIGITS[usize::from(byte & 15)]));
                return;
            }
        };
        self.0.push_str(short);
    }

    fn optional(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.text(text),
            None => self.raw("null"),
        }
    }

    /// Writes a string whose characters need no escaping, or `null`.
    fn quoted(&mut self, value: Option<impl fmt::Display>) -> &mut Self {
        match value {
            Some(value) => {
                // Writing to a String can't fail.
                let _ = write!(self.0, "\"{value}\"");
                self
            }
            None => self.raw("null"),
        }
    }

    fn number(&mut self, number: Option<i64>) -> &mut Self {
        match number {
            Some(number) => {
                let _ = write!(self.0, "{number}");
                self
            }
            None => self.raw("null"),
        }
    }

    fn value(&mut self, value: &FieldValue) -> &mut Self {
        match value {
            FieldValue::Null => self.raw("null"),
            FieldValue::Bool(true) => self.raw("true"),
            FieldValue::Bool(false) => self.raw("false"),
            FieldValue::Integer(number) => self.number(Some(*number)),
            FieldValue::Text(text) => self.text(text),
            FieldValue::Texts(texts) => {
                self.raw("[");
                for (index, text) in texts.iter().enumerate() {
                    self.raw(if index == 0 { "" } else { "," }).text(text);
                }
                self.raw("]")
            }
        }
    }
}
