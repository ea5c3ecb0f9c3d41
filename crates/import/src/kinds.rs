//! The kinds of records that files can hold: findings and the registers.

use findings::Finding;
use heck::ToKebabCase as _;
use kernel::{Column, Kind, Record};

use crate::fields::{RecordFields, finding};

/// A kind of records that files can hold.
#[derive(Debug)]
pub struct RecordKind {
    /// The kind.
    pub kind: Kind,
    /// The prefix of the identifiers.
    pub prefix: &'static str,
    /// The columns of the records.
    pub columns: &'static [Column],
    /// Reads a record, so that its errors are found. Returns whether it can be created.
    pub(crate) check: fn(&mut RecordFields) -> bool,
}

impl RecordKind {
    const fn new<R: Record>(check: fn(&mut RecordFields) -> bool) -> Self {
        Self { kind: R::KIND, prefix: R::PREFIX, columns: R::COLUMNS, check }
    }

    /// The kind with this name in bundles.
    #[must_use]
    pub fn from_name(name: &str) -> Option<&'static Self> {
        Self::all().iter().find(|kind| kind.name() == name)
    }

    /// The properties of a kind; `None` if files can't hold it.
    #[must_use]
    pub fn of(kind: Kind) -> Option<&'static Self> {
        Self::all().iter().find(|candidate| candidate.kind == kind)
    }

    /// The name in bundles: that of the audit log in kebab case.
    #[must_use]
    pub fn name(&self) -> String {
        self.kind.name().to_kebab_case()
    }

    /// The name in messages: that of the audit log with spaces.
    #[must_use]
    pub fn title(&self) -> String {
        self.kind.name().replace('_', " ")
    }

    /// The index of the key's column, if the records have keys.
    #[must_use]
    pub fn key_column(&self) -> Option<usize> {
        self.columns.iter().position(|column| column.key.is_some())
    }
}

macro_rules! kinds {
    ($($kind:ident => $register:ty,)*) => {
        impl RecordKind {
            /// All kinds.
            #[must_use]
            pub fn all() -> &'static [Self] {
                const ALL: &[RecordKind] = &[
                    $(RecordKind::new::<$register>(|fields| fields.record::<$register>().is_some()),)*
                    RecordKind::new::<Finding>(|fields| finding::read(fields).is_some()),
                ];
                ALL
            }
        }
    };
}
registers::for_each_register!(kinds);
