//! The canonical RFC 8785 JSON of entries, with the field names of the API, so that the hashed form is the published
//! form.

use std::fmt::Write;

use kernel::{Entry, FieldValue, HasIdPrefix, Id, Timestamp, Ulid};

use crate::{hash::Hash, stored_entry::StoredEntry};

/// Returns the entry as it is served and exported, with all members; those of the seal are `null` until the entry has
/// one.
#[must_use]
pub fn canonical_json(stored: &StoredEntry) -> String {
    let seal = stored.seal.as_ref();
    let position = seal.map(|seal| (seal.sequence, seal.previous_hash));
    let mut text = String::with_capacity(estimated_length(&stored.entry));
    render(&mut text, &stored.entry, position, HashMember::Present(seal.map(|seal| seal.hash)));
    text
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
    let mut text = String::with_capacity(estimated_length(entry));
    push_hashed_json(&mut text, entry, sequence, previous_hash);
    text
}

/// Appends the text of which [`hash_entry`] is the hash, so that many entries can be hashed with one buffer.
pub fn push_hashed_json(text: &mut String, entry: &Entry, sequence: i64, previous_hash: Hash) {
    render(text, entry, Some((sequence, previous_hash)), HashMember::Absent);
}

enum HashMember {
    Absent,
    Present(Option<Hash>),
}

/// Serializes an entry. RFC 8785 orders members by their names, so the order below is part of the hash.
fn render(text: &mut String, entry: &Entry, position: Option<(i64, Hash)>, hash: HashMember) {
    let mut json = Json(text);
    json.raw(r#"{"action":"#).text(entry.action.as_str());
    json.raw(r#","actor":{"id":"#).optional(entry.actor.id.as_deref());
    json.raw(r#","kind":"#).text(entry.actor.kind.name());
    json.raw(r#","name":"#).text(&entry.actor.name);
    json.raw(r#"},"changes":["#);
    for (index, change) in entry.changes.iter().enumerate() {
        json.raw(if index == 0 { r#"{"after":"# } else { r#",{"after":"# }).value(&change.after);
        json.raw(r#","before":"#).value(&change.before);
        json.raw(r#","field":"#).camel_case(&change.field).raw("}");
    }
    json.raw("]");
    if let HashMember::Present(hash) = hash {
        json.raw(r#","hash":"#).hash(hash);
    }
    json.raw(r#","id":"#).id(entry.id);
    json.raw(r#","method":"#).optional(entry.origin.method.as_deref());
    json.raw(r#","occurredAt":"#).time(entry.occurred_at);
    json.raw(r#","organizationId":"#).id(entry.organization);
    json.raw(r#","previousHash":"#).hash(position.map(|(_, previous)| previous));
    json.raw(r#","reason":"#).optional(entry.reason.as_ref().map(|reason| reason.as_str()));
    json.raw(r#","requestId":"#).id(entry.origin.request_id);
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
    if let Some(wall_clock) = entry.wall_clock {
        json.raw(r#","wallClock":"#).time(wall_clock);
    }
    json.raw("}");
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

struct Json<'text>(&'text mut String);

impl Json<'_> {
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

    /// Writes a field name of the domain, in snake case, as the name in the API, in camel case.
    fn camel_case(&mut self, field: &str) -> &mut Self {
        if !field.contains('_') {
            return self.text(field);
        }
        let mut camel = String::with_capacity(field.len());
        let mut words = field.split('_');
        camel.push_str(words.next().unwrap_or_default());
        for word in words {
            let mut letters = word.chars();
            camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
            camel.push_str(letters.as_str());
        }
        self.text(&camel)
    }

    fn id<R: HasIdPrefix + ?Sized>(&mut self, id: Id<R>) -> &mut Self {
        self.raw("\"").raw(R::PREFIX).raw("_").ulid(id.ulid()).raw("\"")
    }

    fn ulid(&mut self, ulid: Ulid) -> &mut Self {
        const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let mut digits = [0; 26];
        let mut rest = ulid.0;
        for digit in digits.iter_mut().rev() {
            *digit = ALPHABET[(rest & 31) as usize];
            rest >>= 5;
        }
        self.ascii(&digits)
    }

    fn hash(&mut self, hash: Option<Hash>) -> &mut Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let Some(hash) = hash else { return self.raw("null") };
        let mut digits = [0; 64];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(hash.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        self.raw("\"").ascii(&digits).raw("\"")
    }

    /// Writes ASCII characters that need no escaping.
    fn ascii(&mut self, characters: &[u8]) -> &mut Self {
        self.0.push_str(str::from_utf8(characters).unwrap_or_default());
        self
    }

    fn time(&mut self, time: Timestamp) -> &mut Self {
        // Writing to a String can't fail.
        let _ = write!(self.0, "\"{time}\"");
        self
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
