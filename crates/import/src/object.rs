//! Lenient reading of JSON objects: a member that can't be used is left out, which is a repair.
//!
//! Members are parsed when they are asked for, one level at a time. So members that nobody asks for may have any shape
//! and depth.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use kernel::Title;
use serde::{
    Deserialize,
    de::{DeserializeSeed, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Deserializer, value::RawValue};

use crate::repairs::{Cut, Repair, Repairs};

/// An object of the file, with its path.
pub(crate) struct Object<'a> {
    members: BTreeMap<Cow<'a, str>, &'a RawValue>,
    path: String,
    repairs: &'a Repairs,
}

impl<'a> Object<'a> {
    /// Parses the object at `path`.
    ///
    /// # Errors
    /// The kind of the value, if it is no object.
    pub(crate) fn parse(json: &'a RawValue, path: String, repairs: &'a Repairs) -> Result<Self, &'static str> {
        let Members { members, repeated } =
            serde_json::from_str::<Members<'_>>(json.get()).map_err(|_| kind_of(json))?;
        let object = Self { members, path, repairs };
        for name in repeated {
            object.repair(&name, || "occurs twice in its object; the last value is used".to_owned());
        }
        Ok(object)
    }

    /// Parses the element of a list.
    ///
    /// # Errors
    /// The kind of the value, if it is no object.
    pub(crate) fn parse_element(&self, json: &'a RawValue, path: String) -> Result<Self, &'static str> {
        Self::parse(json, path, self.repairs)
    }

    /// Parses the value at `path`; what is no object is left out.
    pub(crate) fn element(&self, json: &'a RawValue, path: String) -> Option<Self> {
        let parsed = Self::parse(json, path.clone(), self.repairs);
        parsed
            .map_err(|kind| {
                self.repairs.add(|| Repair { path, message: format!("is {kind}, not an object; left out") });
            })
            .ok()
    }

    pub(crate) const fn repairs(&self) -> &'a Repairs {
        self.repairs
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    pub(crate) fn repair(&self, name: &str, message: impl FnOnce() -> String) {
        self.repairs.add(|| Repair { path: self.path_of(name), message: message() });
    }

    /// Whether the object has the member, `null` included.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// The member, unless it is absent or `null`.
    pub(crate) fn member(&self, name: &str) -> Option<&'a RawValue> {
        self.members.get(name).copied().filter(|json| json.get() != "null")
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(AsRef::as_ref)
    }

    pub(crate) fn object(&self, name: &str) -> Option<Self> {
        self.element(self.member(name)?, self.path_of(name))
    }

    /// The elements of a list, with their paths. A value that is no list is taken as its only element.
    pub(crate) fn elements(&self, name: &str) -> Vec<(&'a RawValue, String)> {
        self.elements_if(name, |_| true)
    }

    /// The elements of a list, with their paths. A value that is no list is its only element, and a repair if it is accepted.
    fn elements_if(&self, name: &str, accepts: impl Fn(&RawValue) -> bool) -> Vec<(&'a RawValue, String)> {
        let Some(json) = self.member(name) else { return Vec::new() };
        let path = self.path_of(name);
        match (Elements { max: self.repairs.max_elements }).deserialize(&mut Deserializer::from_str(json.get())) {
            Ok((elements, count)) => {
                if count > elements.len() {
                    let (address, read) = (json.get().as_ptr().addr(), elements.len());
                    self.repairs.cut_list(Cut { path: path.clone(), address, count, read });
                }
                let with_path = |(index, element)| (element, format!("{path}[{index}]"));
                elements.into_iter().enumerate().map(with_path).collect()
            }
            Err(_) => {
                if accepts(json) {
                    self.repair(name, || format!("is {}, not a list; taken as its only element", kind_of(json)));
                }
                vec![(json, path)]
            }
        }
    }

    /// The elements of several lists of objects, in the order of the file, each with the name of its list.
    pub(crate) fn elements_of<'n>(&self, names: &[&'n str]) -> Vec<(&'n str, &'a RawValue, String)> {
        let mut elements: Vec<_> = names
            .iter()
            .flat_map(|name| {
                self.elements_if(name, is_object).into_iter().map(|(element, path)| (*name, element, path))
            })
            .collect();
        elements.sort_by_key(|(_, element, _)| element.get().as_ptr().addr());
        elements
    }

    /// The objects of a list, without the elements that are no objects.
    pub(crate) fn present_objects(&self, name: &str) -> impl Iterator<Item = Self> {
        self.objects(name).into_iter().flatten()
    }

    /// The number as it is written. One in a string is taken, too.
    pub(crate) fn number_text(&self, name: &str) -> Option<String> {
        let json = self.member(name)?;
        let text = text_of(json).filter(|text| text.trim().parse::<f64>().is_ok_and(f64::is_finite));
        match &text {
            None => self.repair(name, || format!("is {}, not a number; left out", excerpt(json))),
            Some(_) if is_string(json) => self.repair(name, || "is a string; taken as a number".to_owned()),
            Some(_) => {}
        }
        text.map(|text| text.trim().to_owned())
    }

    /// The objects of a list. An element that is no object is `None`, so that indexes stay.
    pub(crate) fn objects(&self, name: &str) -> Vec<Option<Self>> {
        let elements = self.elements(name).into_iter();
        elements.map(|(element, path)| self.element(element, path)).collect()
    }

    /// The text. A number is taken as the text that it is written as.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let json = self.member(name)?;
        let text = text_of(json);
        match &text {
            None => self.repair(name, || format!("is {}, not a string; left out", kind_of(json))),
            Some(_) if !is_string(json) => self.repair(name, || "is a number; taken as a string".to_owned()),
            Some(_) => {}
        }
        text
    }

    /// The texts of a list. An element that is no text is empty, so that indexes stay.
    pub(crate) fn texts_of_list(&self, name: &str) -> Vec<String> {
        let text = |(index, (json, _)): (usize, (&RawValue, _))| {
            let text = text_of(json);
            let repair = |message: String| self.repair(&format!("{name}[{index}]"), || message);
            match &text {
                None => repair(format!("is {}, not a string; taken as empty", kind_of(json))),
                Some(_) if !is_string(json) => repair("is a number; taken as a string".to_owned()),
                Some(_) => {}
            }
            text.unwrap_or_default()
        };
        self.elements(name).into_iter().enumerate().map(text).collect()
    }

    /// The text, unless it is blank.
    pub(crate) fn nonblank_text(&self, name: &str) -> Option<String> {
        self.text(name).filter(|text| !is_blank(text))
    }

    /// The text of a message string, which some tools write as a plain string.
    pub(crate) fn message_text(&self, name: &str) -> Option<String> {
        let json = self.member(name)?;
        if is_string(json) {
            self.repair(name, || "is a string, not an object with a text; taken as its text".to_owned());
            return text_of(json);
        }
        self.object(name)?.text("text")
    }

    /// The index of an element of a list. SARIF's -1 stands for none.
    pub(crate) fn index(&self, name: &str) -> Option<usize> {
        let json = self.member(name)?;
        if json.get() == "-1" {
            return None;
        }
        self.whole_number(name, json, 0).and_then(|index| usize::try_from(index).ok())
    }

    /// Adds the repair of an index that is beyond the list.
    pub(crate) fn repair_index(&self, name: &str, index: usize, list: &str) {
        self.repair(name, || format!("is {index}, beyond the list of {list}; left out"));
    }

    /// The number of a line or column, from 1.
    pub(crate) fn position(&self, name: &str) -> Option<u64> {
        self.whole_number(name, self.member(name)?, 1)
    }

    fn whole_number(&self, name: &str, json: &RawValue, minimum: u64) -> Option<u64> {
        if let Ok(number) = json.get().parse::<u64>()
            && (minimum..=MAX_WHOLE_NUMBER).contains(&number)
        {
            return Some(number);
        }
        let number = whole_number_written_otherwise(json).filter(|number| *number >= minimum);
        self.repair(name, || match number {
            Some(number) => format!("is written as {}; taken as {number}", excerpt(json)),
            None => format!("is {}, not a whole number from {minimum}; left out", excerpt(json)),
        });
        number
    }

    /// The one of the words that the text is.
    pub(crate) fn word(&self, name: &str, words: &[&'static str]) -> Option<&'static str> {
        let text = self.text(name)?;
        let word = words.iter().find(|word| **word == text);
        if word.is_none() {
            self.repair(name, || format!("is {text:?}, which is none of {}; left out", words.join(", ")));
        }
        word.copied()
    }

    /// The texts of the members, except those that are no text.
    pub(crate) fn texts(&self) -> BTreeMap<String, String> {
        let texts = self.names().filter_map(|name| {
            if self.member(name).is_none() {
                self.repair(name, || "is null, not a string; left out".to_owned());
            }
            Some((name.to_owned(), self.nonblank_text(name)?))
        });
        texts.collect()
    }
}

/// The largest number that is read: every JSON parser represents it exactly.
const MAX_WHOLE_NUMBER: u64 = 1 << 53;

/// Whether the text has no character that is displayed: none of which a title could consist.
pub(crate) fn is_blank(text: &str) -> bool {
    let is_displayed = |character: char| Title::parse(character.encode_utf8(&mut [0; 4])).is_ok();
    !text.chars().any(is_displayed)
}

pub(crate) fn is_string(json: &RawValue) -> bool {
    json.get().starts_with('"')
}

/// The text of a string, or of a number as it is written.
pub(crate) fn text_of(json: &RawValue) -> Option<String> {
    match json.get().as_bytes().first()? {
        b'"' => serde_json::from_str(json.get()).ok(),
        b'-' | b'0'..=b'9' => Some(json.get().to_owned()),
        _ => None,
    }
}

/// The whole number of `5.0` or `"5"`.
fn whole_number_written_otherwise(json: &RawValue) -> Option<u64> {
    let text = text_of(json)?;
    let text = text.trim_matches(|character: char| character.is_ascii_whitespace());
    let (digits, zeros) = text.split_once('.').unwrap_or((text, ""));
    let is_whole = zeros.bytes().all(|digit| digit == b'0') && digits.bytes().all(|digit| digit.is_ascii_digit());
    digits.parse().ok().filter(|number| is_whole && *number <= MAX_WHOLE_NUMBER)
}

fn is_object(json: &RawValue) -> bool {
    json.get().starts_with('{')
}

/// The kind of a value in words of JSON.
pub(crate) fn kind_of(json: &RawValue) -> &'static str {
    match json.get().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        _ => "a number",
    }
}

fn excerpt(json: &RawValue) -> String {
    let text = json.get();
    if text.len() <= 40 { text.to_owned() } else { kind_of(json).to_owned() }
}

/// Reads a list: its first elements, and how many it has.
struct Elements {
    max: usize,
}

impl<'de> DeserializeSeed<'de> for Elements {
    type Value = (Vec<&'de RawValue>, usize);

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Elements {
    type Value = (Vec<&'de RawValue>, usize);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let (mut elements, mut count) = (Vec::new(), 0);
        while let Some(element) = list.next_element()? {
            if count < self.max {
                elements.push(element);
            }
            count += 1;
        }
        Ok((elements, count))
    }
}

/// The members of an object, and the names that occur more than once.
struct Members<'a> {
    members: BTreeMap<Cow<'a, str>, &'a RawValue>,
    repeated: Vec<String>,
}

#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let (mut members, mut repeated) = (BTreeMap::new(), Vec::new());
                while let Some((Name(name), value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
                    if members.insert(name.clone(), value).is_some() {
                        repeated.push(name.into_owned());
                    }
                }
                Ok(Members { members, repeated })
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}
