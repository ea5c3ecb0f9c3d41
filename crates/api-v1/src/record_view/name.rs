//! The names of the domain in the letter case of the API, worked out at compile time.

use std::marker::PhantomData;

use kernel::{Columns, Record};

/// The most bytes of a name, with the punctuation of a member.
const MAX_LENGTH: usize = 64;

/// A name in the API, such as `duplicateOfFindingId`.
#[derive(Clone, Copy)]
pub(super) struct Name {
    bytes: [u8; MAX_LENGTH],
    length: usize,
}

impl Name {
    const EMPTY: Self = Self { bytes: [0; MAX_LENGTH], length: 0 };

    const fn push(mut self, byte: u8) -> Self {
        assert!(self.length < MAX_LENGTH, "the name is too long: raise MAX_LENGTH");
        self.bytes[self.length] = byte;
        self.length += 1;
        self
    }

    /// Appends a name of the domain, such as `duplicate_of_finding_id`, in camel case.
    const fn push_camel_case(mut self, name: &str, starts_with_capital: bool) -> Self {
        let name = name.as_bytes();
        let mut is_start = starts_with_capital;
        let mut index = 0;
        while index < name.len() {
            if name[index] == b'_' {
                is_start = true;
            } else {
                self = self.push(if is_start { name[index].to_ascii_uppercase() } else { name[index] });
                is_start = false;
            }
            index += 1;
        }
        self
    }

    pub(super) const fn as_str(&'static self) -> &'static str {
        match std::str::from_utf8(self.as_bytes()) {
            Ok(name) => name,
            Err(_) => panic!("a name of the domain is ASCII"),
        }
    }

    pub(super) const fn as_bytes(&self) -> &[u8] {
        self.bytes.split_at(self.length).0
    }
}

/// A name of the domain in the letter case of the API, for the columns of groups.
pub(super) fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        camel.push_str(&word[..word.len().min(1)].to_ascii_uppercase());
        camel.push_str(&word[word.len().min(1)..]);
    }
    camel
}

/// The names of a record.
pub(super) struct Names<R>(PhantomData<R>);

impl<R: Record> Names<R> {
    pub(super) const SINGULAR: &'static Name = &Name::EMPTY.push_camel_case(R::KIND.name(), false);
    pub(super) const PLURAL: &'static Name = &Name::EMPTY.push_camel_case(R::PLURAL, false);
    pub(super) const COLLECTION: &'static Name = &Name::EMPTY.push_camel_case(R::PLURAL, true);
    pub(super) const COMPONENT: &'static Name = &Name::EMPTY.push_camel_case(R::KIND.name(), true);

    /// The name of each column.
    pub(super) const COLUMNS: &'static [Name; Columns::MAX] = &{
        let mut names = [Name::EMPTY; Columns::MAX];
        let mut index = 0;
        while index < R::COLUMNS.len() {
            names[index] = Name::EMPTY.push_camel_case(R::COLUMNS[index].label, false);
            index += 1;
        }
        names
    };

    /// The name of each column's filter; empty where there is none.
    pub(super) const FILTERS: &'static [Name; Columns::MAX] = &{
        let mut names = [Name::EMPTY; Columns::MAX];
        let mut index = 0;
        while index < R::COLUMNS.len() {
            if let Some(filter) = R::COLUMNS[index].filter {
                names[index] = Name::EMPTY.push_camel_case(filter.label, false);
            }
            index += 1;
        }
        names
    };

    /// Each column's member of an object but for its value: `,"controlKey":`.
    pub(super) const MEMBERS: &'static [Name; Columns::MAX] = &{
        let mut members = [Name::EMPTY; Columns::MAX];
        let mut index = 0;
        while index < R::COLUMNS.len() {
            let member = Name::EMPTY.push(b',').push(b'"').push_camel_case(R::COLUMNS[index].label, false);
            members[index] = member.push(b'"').push(b':');
            index += 1;
        }
        members
    };
}
