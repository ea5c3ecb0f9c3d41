//! A register as its pages see it: the statement of its records, apart from their type.

use std::borrow::Cow;

use kernel::{Column, Kind, Meta, OwnedScalar, Record, Revision, Stored, Timestamp};

use crate::{
    words::{sentence, words},
    zone::Zone,
};

/// A register: the names and the columns of its records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Register {
    /// The kind of its records.
    pub(crate) kind: Kind,
    /// The name of the collection in the domain: `framework_versions`.
    pub(crate) plural: &'static str,
    /// The columns of its records.
    pub(crate) columns: &'static [Column],
    /// The prefix of its identifiers.
    pub(crate) prefix: &'static str,
    /// The position of the due date, by which its lists can be ordered.
    pub(crate) due_date: Option<usize>,
}

/// Returns the register of these records.
#[must_use]
pub(crate) fn register_of<R: Record>() -> Register {
    Register { kind: R::KIND, plural: R::PLURAL, columns: R::COLUMNS, prefix: R::PREFIX, due_date: R::DUE_DATE }
}

/// Returns the register whose collection has this name in the domain: `framework_versions`.
#[must_use]
pub(crate) fn register_named(plural: &str) -> Option<Register> {
    all_registers().find(|register| register.plural == plural)
}

/// Returns the register whose records have identifiers with this prefix.
#[must_use]
pub(super) fn register_with_prefix(prefix: &str) -> Option<Register> {
    all_registers().find(|register| register.prefix == prefix)
}

/// All registers, findings and their events first.
pub(super) fn all_registers() -> impl Iterator<Item = Register> {
    macro_rules! registers {
        ($($kind:ident => $register:ty,)*) => { &[$(register_of::<$register>,)*] };
    }
    let all: &[fn() -> Register] = ::registers::for_each_register! { registers,
        Finding => ::findings::Finding,
        FindingEvent => ::findings::FindingEvent,
    };
    all.iter().map(|register| register())
}

impl Register {
    /// The word for one record: "framework version".
    #[must_use]
    pub(crate) fn noun(&self) -> String {
        self.own_words().map_or_else(|| words(self.kind.name()), |(noun, _)| noun.to_owned())
    }

    /// The word for several records: "framework versions".
    #[must_use]
    pub(crate) fn nouns(&self) -> String {
        self.own_words().map_or_else(|| words(self.plural), |(_, nouns)| nouns.to_owned())
    }

    /// The title of the list: "Framework versions".
    #[must_use]
    pub(crate) fn title(&self) -> String {
        sentence(&self.nouns())
    }

    /// The address of the list: `/app/framework-versions`.
    #[must_use]
    pub(crate) fn path(&self) -> String {
        let name = if self.kind == Kind::User { "people" } else { self.plural };
        format!("/app/{}", name.replace('_', "-"))
    }

    /// The words for one record and for several where readers have others than the API.
    const fn own_words(&self) -> Option<(&'static str, &'static str)> {
        match self.kind {
            Kind::FrameworkNode => Some(("framework requirement", "framework requirements")),
            Kind::MonitorDefinition => Some(("monitor", "monitors")),
            Kind::MonitorRunItem => Some(("monitor result", "monitor results")),
            Kind::User => Some(("person", "people")),
            _ => None,
        }
    }

    /// The position of the column with this name in the domain.
    #[must_use]
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The position of the key.
    #[must_use]
    pub(crate) fn key(&self) -> Option<usize> {
        self.columns.iter().position(|column| column.key.is_some())
    }

    /// The position of the column that names a record for people: its title, or else its key.
    #[must_use]
    pub(crate) fn name(&self) -> Option<usize> {
        self.position("title")
            .or_else(|| self.position("name"))
            .or_else(|| self.position("display_name"))
            .or_else(|| self.position("version_label"))
            .or_else(|| self.key())
    }
}

/// A record of any register.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The identifier.
    pub(crate) id: String,
    /// The revision.
    pub(crate) revision: Revision,
    /// The time of its creation.
    pub(crate) created_at: Timestamp,
    /// The time of its last change.
    pub(crate) updated_at: Timestamp,
    /// The values, in the order of the register's columns.
    pub(crate) values: Vec<OwnedScalar>,
}

impl Row {
    /// Returns the record with its values.
    #[must_use]
    pub(crate) fn of<R: Record>(stored: &Stored<R>) -> Self {
        let Meta { id, revision, created_at, updated_at, .. } = stored.meta;
        Self {
            id: id.to_string(),
            revision,
            created_at,
            updated_at,
            values: stored.record.values().into_iter().map(kernel::ScalarValue::to_owned).collect(),
        }
    }

    /// The title of the record for people: its name or, of one that has none, what it is and when it was.
    #[must_use]
    pub(crate) fn title<'r>(&'r self, register: &Register, zone: &Zone) -> Cow<'r, str> {
        if let Some(name) = register.name().and_then(|index| self.values[index].as_value().as_str()) {
            return Cow::Borrowed(name);
        }
        let time = |value: &OwnedScalar| if let OwnedScalar::Timestamp(time) = value { Some(*time) } else { None };
        let noun = sentence(&register.noun());
        Cow::Owned(match self.values.iter().find_map(time) {
            Some(time) => format!("{noun} of {}", zone.minute_text(time)),
            None => format!("{noun} …{}", self.id.get(self.id.len().saturating_sub(4)..).unwrap_or_default()),
        })
    }

    /// The name of the record for people, or else its identifier.
    #[must_use]
    pub(crate) fn name<'r>(&'r self, register: &Register) -> &'r str {
        register.name().and_then(|index| self.values[index].as_value().as_str()).unwrap_or(&self.id)
    }
}
