//! Filters of lists by columns, and their reference meaning.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    marker::PhantomData,
};

use super::{
    Record,
    column::Column,
    column_type::{ColumnFilter, Comparison},
    encoding::Encoder,
    scalar::Scalar,
    value::{OwnedScalar, ScalarValue},
};
use crate::resource::{Criteria, Stored};

/// The filter of a list of `R`: the accepted values of some columns. The empty filter accepts every record.
pub struct Filter<R> {
    /// By the index of the column.
    values: BTreeMap<usize, BTreeSet<OwnedScalar>>,
    record: PhantomData<fn() -> R>,
}

impl<R: Record> Filter<R> {
    /// The columns that lists can be filtered by, with their indexes.
    pub fn columns() -> impl Iterator<Item = (usize, &'static Column, &'static ColumnFilter)> {
        R::COLUMNS.iter().enumerate().filter_map(|(index, column)| Some((index, column, column.filter.as_ref()?)))
    }

    /// Restricts the filter to these values of the column at `index`, instead of those it had. No values accept any.
    pub fn set(&mut self, index: usize, values: impl IntoIterator<Item = OwnedScalar>) {
        let values: BTreeSet<_> = values.into_iter().collect();
        if values.is_empty() {
            self.values.remove(&index);
        } else {
            self.values.insert(index, values);
        }
    }

    /// The filter restricted to these values of the filter with the public name `label`, instead of those it had.
    ///
    /// # Panics
    /// If lists of `R` can't be filtered by that name.
    #[must_use]
    pub fn with<T: Scalar>(mut self, label: &str, values: impl IntoIterator<Item = T>) -> Self {
        let index = Self::columns().find(|(_, _, filter)| filter.label == label).map(|(index, ..)| index);
        let index = index.unwrap_or_else(|| panic!("lists of {} can't be filtered by {label}", R::PLURAL));
        self.set(index, values.into_iter().map(|value| value.value().to_owned()));
        self
    }

    /// The accepted values of the column at `index`; `None` if every value is accepted.
    #[must_use]
    pub fn accepted(&self, index: usize) -> Option<&BTreeSet<OwnedScalar>> {
        self.values.get(&index)
    }
}

impl<R: Record> Criteria<R> for Filter<R> {
    fn matches(&self, stored: &Stored<R>) -> bool {
        struct Comparer<'f> {
            columns: &'static [Column],
            accepted: &'f BTreeMap<usize, BTreeSet<OwnedScalar>>,
            index: usize,
            matches: bool,
        }
        impl<'r> Encoder<'r> for Comparer<'_> {
            fn put(&mut self, value: ScalarValue<'r>) {
                if let Some(accepted) = self.accepted.get(&self.index) {
                    let comparison =
                        self.columns[self.index].filter.map_or(Comparison::OneOf, |filter| filter.comparison);
                    let value = value.to_owned();
                    self.matches &= match comparison {
                        Comparison::OneOf => accepted.contains(&value),
                        Comparison::AtLeast => {
                            value != OwnedScalar::Null && accepted.iter().all(|bound| value >= *bound)
                        }
                    };
                }
                self.index += 1;
            }
        }
        let mut comparer = Comparer { columns: R::COLUMNS, accepted: &self.values, index: 0, matches: true };
        if !self.values.is_empty() {
            stored.record.encode(&mut comparer);
        }
        comparer.matches
    }
}

// Derived implementations would demand the same of `R`.
impl<R> Clone for Filter<R> {
    fn clone(&self) -> Self {
        Self { values: self.values.clone(), record: PhantomData }
    }
}

impl<R> Default for Filter<R> {
    fn default() -> Self {
        Self { values: BTreeMap::new(), record: PhantomData }
    }
}

impl<R> PartialEq for Filter<R> {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values
    }
}

impl<R> Eq for Filter<R> {}

impl<R> fmt::Debug for Filter<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Filter").field(&self.values).finish()
    }
}
