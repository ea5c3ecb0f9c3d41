//! Records that state their fields once.
//!
//! [`record!`](crate::record!) declares a record as a documented struct whose fields have marks: the public name, an
//! example, whether lists can be filtered by the field. This declaration is called the record's statement. Tables, the
//! audit log, JSON, the API document, filters and bundles all read it through [`Record`], so none of them repeats a
//! field's name.
//!
//! | to add | write |
//! |---|---|
//! | a property of a column, such as whether it is unique | a mark: a `const` method of [`Columns`] |
//! | a type of one column | [`Scalar`] for it |
//! | several columns that belong together | [`Field`] for `Option<YourGroup>`, as [`crate::SubjectGroup`] does |
//! | a format that records are written to or read from | an [`Encoder`] or a [`Decoder`] |
//!
//! | special case | override |
//! |---|---|
//! | a parent | `Id<Parent>` with `filter(Few)`; a key that is unique only within it has `key_within("parent_id")` |
//! | a list of identifiers | [`crate::IdList`] |
//! | a list of groups of values, such as files | [`crate::GroupList`] |
//! | a decimal | [`crate::Decimal`], a text everywhere |
//! | a filter that a list can't do without | the mark `required` after `filter(…)` |
//! | a lower bound instead of a choice of values | the mark `at_least("since")` |
//! | what lists show as the name of the record, by whose words it is found | the mark `title` |
//! | a due date that lists are ordered by | the mark `due_date` on `due_at: Option<Timestamp>` |
//! | a value that commands of the module change after its creation | the mark `create_only` |
//! | a time that others bound, or a number within a range | the marks `after`, `not_before` and `within` |
//! | a subject | `Option<SubjectGroup>` or `Option<VersionedSubjectGroup>` |

mod audit;
mod bound;
mod column;
mod column_type;
mod columns;
mod encoding;
mod field;
mod filter;
mod groups;
mod scalar;
mod value;
mod values;

#[cfg(test)]
mod tests;

pub use column::Column;
pub use column_type::{Bound, ColumnFilter, ColumnType, Comparison, KeyScope, Selectivity};
pub use columns::{Columns, Field};
pub use encoding::{Decoder, Encoder};
pub use filter::Filter;
pub use groups::GroupList;
pub use scalar::Scalar;
pub use value::{Groups, OwnedScalar, ScalarValue};

use std::borrow::Cow;

use ulid::Ulid;

use crate::{resource::Resource, timestamp::Timestamp};

/// A record type whose fields are columns, as [`record!`](crate::record!) declares it.
pub trait Record: Resource<Filter = Filter<Self>> {
    /// The name of the whole collection in the domain: `framework_versions`. It is the name of the table, too.
    const PLURAL: &'static str;
    /// The record's own columns, in the order of its fields. Every store adds the columns that all records have.
    const COLUMNS: &'static [Column];

    /// Passes the value of each column to the encoder, in the order of [`Self::COLUMNS`].
    fn encode<'r, E: Encoder<'r> + ?Sized>(&'r self, encoder: &mut E);

    /// Creates a record from the values of a decoder, which are taken in the order of [`Self::COLUMNS`].
    ///
    /// # Errors
    /// The error of the first field that has one. The fields after it have been decoded, too, so that a decoder that
    /// collects faults has all of them.
    fn decode<D: Decoder + ?Sized>(decoder: &mut D) -> Result<Self, D::Error>;

    /// The value of the column at `index` of [`Self::COLUMNS`].
    fn value(&self, index: usize) -> ScalarValue<'_> {
        struct Finder<'r> {
            remaining: usize,
            found: Option<ScalarValue<'r>>,
        }
        impl<'r> Encoder<'r> for Finder<'r> {
            fn put(&mut self, value: ScalarValue<'r>) {
                if self.remaining == 0 {
                    self.found.get_or_insert(value);
                } else {
                    self.remaining -= 1;
                }
            }
        }
        let mut finder = Finder { remaining: index, found: None };
        self.encode(&mut finder);
        finder.found.unwrap_or(ScalarValue::Null)
    }

    /// The values of all columns, in the order of [`Self::COLUMNS`].
    fn values(&self) -> Vec<ScalarValue<'_>> {
        values::of(self)
    }

    /// Creates a record from the values of its columns, without validating them again.
    ///
    /// # Errors
    /// A description of the fault if the values are not those of such a record.
    fn from_values(values: Vec<OwnedScalar>) -> Result<Self, String> {
        Self::decode(&mut values::Values::new(values))
    }

    /// Returns the record with which an import of this one updates `current`: columns that only a creation or only the
    /// server sets keep their values.
    ///
    /// # Panics
    /// If the values of two records do not make a record: that is a mistake in the declaration.
    #[must_use]
    fn merged_onto(self, current: &Self) -> Self {
        let columns = Self::COLUMNS.iter().enumerate();
        let kept = columns.filter(|(_, column)| column.is_create_only || column.is_derived);
        let kept: Vec<usize> = kept.map(|(index, _)| index).collect();
        self.keeping(current, &kept)
    }

    /// Returns this record with the values of `current` in the columns with these indexes.
    ///
    /// # Panics
    /// If the values of two records do not make a record, because the columns of one field are kept in part.
    #[must_use]
    fn keeping(self, current: &Self, columns: &[usize]) -> Self {
        if columns.is_empty() {
            return self;
        }
        let pairs = self.values().into_iter().zip(current.values()).enumerate();
        let values = pairs.map(|(index, (new, old))| if columns.contains(&index) { old } else { new }.to_owned());
        Self::from_values(values.collect()).unwrap_or_else(|fault| panic!("an update of {}: {fault}", Self::PLURAL))
    }

    /// The value of the column that is marked as the key, if there is one.
    fn key(&self) -> Option<&str> {
        let index = Self::COLUMNS.iter().position(|column| column.key.is_some())?;
        self.value(index).as_str()
    }

    /// The parent within which [`Self::key`] is unique, if its scope is a parent.
    fn key_parent(&self) -> Option<Ulid> {
        let parent = Self::COLUMNS.iter().find_map(|column| match column.key {
            Some(KeyScope::Parent(parent)) => Some(parent),
            _ => None,
        })?;
        let index = Self::COLUMNS.iter().position(|column| column.name == parent)?;
        self.value(index).as_id()
    }

    /// The values of the columns that are marked as the identity, as one text, if there are any.
    fn identity(&self) -> Option<String> {
        if !Self::COLUMNS.iter().any(|column| column.is_identity) {
            return None;
        }
        let values = self.values().into_iter().zip(Self::COLUMNS).filter(|(_, column)| column.is_identity);
        // The formatted values have quotes around texts, so that no two lists of values have the same text.
        Some(format!("{:?}", values.map(|(value, _)| value).collect::<Vec<_>>()))
    }

    /// The index of the column that is marked as the title, if there is one.
    const TITLE: Option<usize> = {
        let mut index = 0;
        while index < Self::COLUMNS.len() && !Self::COLUMNS[index].is_title {
            index += 1;
        }
        if index < Self::COLUMNS.len() { Some(index) } else { None }
    };

    /// The value of the column that is marked as the title.
    fn title(&self) -> Option<&str> {
        self.value(Self::TITLE?).as_str()
    }

    /// The index of the column that is marked as the due date, if there is one.
    const DUE_DATE: Option<usize> = {
        let mut index = 0;
        while index < Self::COLUMNS.len() && !Self::COLUMNS[index].is_due_date {
            index += 1;
        }
        if index < Self::COLUMNS.len() { Some(index) } else { None }
    };

    /// The value of the column that is marked as the due date.
    fn due_at(&self) -> Option<Timestamp> {
        match self.value(Self::DUE_DATE?) {
            ScalarValue::Timestamp(time) => Some(time),
            _ => None,
        }
    }

    /// Returns the columns whose values are not plausible, each with a message for the client: those that are not within
    /// the bounds that the statement of the record has.
    fn implausible(&self) -> Vec<(&'static Column, Cow<'static, str>)> {
        bound::implausible(self)
    }

    /// The record made of the columns' examples, for the API document.
    ///
    /// # Panics
    /// If an example violates the rule of its type: that is a mistake in the declaration.
    #[must_use]
    fn example() -> Self {
        Self::decode(&mut column::Examples::new(Self::COLUMNS))
            .unwrap_or_else(|fault| panic!("an example of {}: {fault}", Self::PLURAL))
    }
}

/// Declares a record type that states each of its fields once.
///
/// `kind` is its variant of [`crate::Kind`], `prefix` that of its identifiers, `plural` the name of the collection. The
/// doc comment of a field is its description in the API document, so it is written for the caller. Marks are the
/// `const` methods of [`Columns`].
///
/// ```
/// # use novantra_kernel as kernel;
/// # use kernel::{record, string_enum, RecordKey, Title, Timestamp};
/// record! {
///     /// A control: a measure that keeps a risk within bounds.
///     #[record(kind = Control, prefix = "ctrl", plural = "controls")]
///     pub struct Measure {
///         /// The key of the control, unique in the organization.
///         #[column(label("control_key"), key, example("CTL-AC-02"))]
///         pub key: RecordKey,
///         /// The title of the control.
///         #[column(example("Privileged access is reviewed every quarter"))]
///         pub title: Title,
///         /// The status of the control.
///         #[column(filter(Many), example("active"))]
///         pub status: MeasureStatus,
///         /// The time of the last review.
///         pub reviewed_at: Option<Timestamp>,
///     }
/// }
///
/// string_enum! {
///     /// The status of a measure.
///     MeasureStatus = Draft {
///         /// It is being written.
///         Draft = "draft",
///         /// It is in force.
///         Active = "active",
///     }
/// }
///
/// let measure = <Measure as kernel::Record>::example();
/// assert_eq!(measure.status, MeasureStatus::Active);
/// assert_eq!(kernel::Resource::unique_key(&measure), Some("CTL-AC-02"));
/// ```
#[macro_export]
macro_rules! record {
    (
        $(#[doc = $doc:literal])*
        #[record(kind = $kind:ident, prefix = $prefix:literal, plural = $plural:literal)]
        pub struct $record:ident {
            $($(#[doc = $field_doc:literal])*
              $(#[column($($mark:ident $(($($argument:tt)*))?),* $(,)?)])?
              pub $field:ident: $type:ty,)*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $record { $($(#[doc = $field_doc])* pub $field: $type,)* }

        impl $crate::HasIdPrefix for $record {
            const PREFIX: &'static str = $prefix;
        }

        impl $crate::Resource for $record {
            const KIND: $crate::Kind = $crate::Kind::$kind;
            type Filter = $crate::Filter<Self>;

            fn unique_key(&self) -> Option<&str> {
                $crate::Record::key(self)
            }

            fn unique_within(&self) -> Option<$crate::Ulid> {
                $crate::Record::key_parent(self)
            }

            fn unique_identity(&self) -> Option<String> {
                $crate::Record::identity(self)
            }

            const HAS_TITLE: bool = <Self as $crate::Record>::TITLE.is_some();

            fn title(&self) -> Option<&str> {
                $crate::Record::title(self)
            }

            const HAS_DUE_DATE: bool = <Self as $crate::Record>::DUE_DATE.is_some();

            fn due_at(&self) -> Option<$crate::Timestamp> {
                $crate::Record::due_at(self)
            }
        }

        impl $crate::Record for $record {
            const PLURAL: &'static str = $plural;
            const COLUMNS: &'static [$crate::Column] = {
                #[allow(unused_imports)]
                use $crate::Selectivity::*;
                const ALL: $crate::Columns = $crate::Columns::EMPTY
                    $(.and($crate::Columns::of_field::<$type>(stringify!($field), concat!($($field_doc),*))
                        $($(.$mark($($($argument)*)?))*)?))*
                    .checked();
                ALL.as_slice()
            };

            #[inline]
            fn encode<'r, E: $crate::Encoder<'r> + ?Sized>(&'r self, encoder: &mut E) {
                $($crate::Field::encode(&self.$field, encoder);)*
            }

            #[inline]
            fn decode<D: $crate::Decoder + ?Sized>(decoder: &mut D) -> Result<Self, D::Error> {
                // All fields are decoded before the first error is returned, so that every fault is collected.
                $(let $field = <$type as $crate::Field>::decode(decoder);)*
                Ok(Self { $($field: $field?,)* })
            }
        }
    };
}
