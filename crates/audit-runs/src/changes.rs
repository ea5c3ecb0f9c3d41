//! The changes of entries: for each a byte with the forms of both values, then the field and the values.

use std::{borrow::Cow, collections::HashMap};

use kernel::{Change, FieldValue, Timestamp};

use crate::{
    bytes::{Reader, from_zigzag, put_varint, zigzag},
    fault::RunFault,
    identifier::{from_parts, parse, random_bytes, render, time_bytes},
    texts::{OwnTexts, Texts},
};

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INTEGER: u8 = 3;
const TEXT: u8 = 4;
const TEXTS: u8 = 5;
/// A text that is an identifier: a text for its prefix, 6 bytes, and 10 random ones.
const IDENTIFIER: u8 = 6;
/// A text that is a time in its only spelling: its milliseconds.
const TIME: u8 = 7;

/// A text, in the form in which it is stored.
enum TextForm<'a> {
    Plain(&'a str),
    Identifier(&'a str, kernel::Ulid),
    Time(Timestamp),
}

fn form_of(text: &str) -> TextForm<'_> {
    if let Some((prefix, ulid)) = parse(text) {
        return TextForm::Identifier(prefix, ulid);
    }
    // The length of `2026-05-25T14:08:33.000Z`; all others can't be in this spelling.
    let time = if text.len() == 24 { text.parse::<Timestamp>().ok() } else { None };
    time.filter(|time| time.to_string() == text).map_or(TextForm::Plain(text), TextForm::Time)
}

/// Calls `add` with each text of the changes that may be in the dictionary.
pub(crate) fn for_each_text<'a>(changes: &'a [Change], mut add: impl FnMut(&'a str)) {
    for Change { field, before, after } in changes {
        add(field);
        for value in [before, after] {
            match value {
                FieldValue::Text(text) => match form_of(text) {
                    TextForm::Plain(text) | TextForm::Identifier(text, _) => add(text),
                    TextForm::Time(_) => {}
                },
                FieldValue::Texts(texts) => texts.iter().for_each(|text| add(text)),
                FieldValue::Null | FieldValue::Bool(_) | FieldValue::Integer(_) => {}
            }
        }
    }
}

/// Writes changes.
pub(crate) struct ChangeWriter<'w> {
    pub(crate) numbers: &'w HashMap<&'w str, u64>,
    pub(crate) texts: &'w mut OwnTexts,
    pub(crate) plain: &'w mut Vec<u8>,
    pub(crate) random: &'w mut Vec<u8>,
}

impl ChangeWriter<'_> {
    pub(crate) fn put(&mut self, changes: &[Change]) {
        for Change { field, before, after } in changes {
            let forms = self.plain.len();
            self.plain.push(0);
            self.put_text(field);
            let before = self.put_value(before);
            let after = self.put_value(after);
            self.plain[forms] = before << 4 | after;
        }
    }

    fn put_text(&mut self, text: &str) {
        let reference = self.texts.refer(self.numbers, text);
        put_varint(self.plain, reference);
    }

    /// Writes a value and returns its form.
    fn put_value(&mut self, value: &FieldValue) -> u8 {
        match value {
            FieldValue::Null => NULL,
            FieldValue::Bool(false) => FALSE,
            FieldValue::Bool(true) => TRUE,
            FieldValue::Integer(number) => {
                put_varint(self.plain, zigzag(*number));
                INTEGER
            }
            FieldValue::Text(text) => match form_of(text) {
                TextForm::Plain(text) => {
                    self.put_text(text);
                    TEXT
                }
                TextForm::Identifier(prefix, ulid) => {
                    self.put_text(prefix);
                    self.plain.extend_from_slice(&time_bytes(ulid));
                    self.random.extend_from_slice(&random_bytes(ulid.random()));
                    IDENTIFIER
                }
                TextForm::Time(time) => {
                    put_varint(self.plain, zigzag(time.millis()));
                    TIME
                }
            },
            FieldValue::Texts(texts) => {
                put_varint(self.plain, texts.len() as u64);
                texts.iter().for_each(|text| self.put_text(text));
                TEXTS
            }
        }
    }
}

/// Reads changes.
pub(crate) struct ChangeReader<'r> {
    pub(crate) dictionary: &'r Texts,
    pub(crate) texts: Reader<'r>,
    pub(crate) plain: Reader<'r>,
    pub(crate) random: Reader<'r>,
}

impl ChangeReader<'_> {
    pub(crate) fn finish(self) -> Result<(), RunFault> {
        self.plain.finish()?;
        self.texts.finish()?;
        self.random.finish()
    }

    pub(crate) fn read(&mut self, count: u64) -> Result<Vec<Change>, RunFault> {
        // Each takes two bytes at least.
        let count = usize::try_from(count).ok().filter(|count| *count <= self.plain.remaining());
        let count = count.ok_or_else(|| RunFault::new("an entry has too many changes"))?;
        (0..count).map(|_| self.read_change()).collect()
    }

    fn read_change(&mut self) -> Result<Change, RunFault> {
        let forms = self.plain.byte()?;
        let field = Cow::Owned(self.read_text()?);
        Ok(Change { field, before: self.read_value(forms >> 4)?, after: self.read_value(forms & 15)? })
    }

    fn read_text(&mut self) -> Result<String, RunFault> {
        let reference = self.plain.varint()?;
        self.dictionary.resolve(reference, &mut self.texts).map(str::to_owned)
    }

    fn read_value(&mut self, form: u8) -> Result<FieldValue, RunFault> {
        Ok(match form {
            NULL => FieldValue::Null,
            FALSE => FieldValue::Bool(false),
            TRUE => FieldValue::Bool(true),
            INTEGER => FieldValue::Integer(from_zigzag(self.plain.varint()?)),
            TEXT => FieldValue::Text(self.read_text()?),
            TEXTS => {
                let count = self.plain.count()?;
                FieldValue::Texts((0..count).map(|_| self.read_text()).collect::<Result<_, _>>()?)
            }
            IDENTIFIER => {
                let reference = self.plain.varint()?;
                let prefix = self.dictionary.resolve(reference, &mut self.texts)?;
                FieldValue::Text(render(prefix, from_parts(self.plain.array()?, self.random.array()?)))
            }
            TIME => FieldValue::Text(Timestamp::from_millis(from_zigzag(self.plain.varint()?)).to_string()),
            _ => return Err(RunFault::new("a value has no such form")),
        })
    }
}
