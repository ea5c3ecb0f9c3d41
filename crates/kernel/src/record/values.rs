//! The values of all columns of a record, apart from it.

use std::{fmt::Display, vec};

use ulid::Ulid;

use super::{
    Record,
    encoding::{Decoder, Encoder},
    value::{OwnedScalar, ScalarValue},
};
use crate::timestamp::Timestamp;

/// The values of the record's columns, in their order.
pub(super) fn of<R: Record>(record: &R) -> Vec<ScalarValue<'_>> {
    struct Collector<'r>(Vec<ScalarValue<'r>>);
    impl<'r> Encoder<'r> for Collector<'r> {
        fn put(&mut self, value: ScalarValue<'r>) {
            self.0.push(value);
        }
    }
    let mut collector = Collector(Vec::with_capacity(R::COLUMNS.len()));
    record.encode(&mut collector);
    collector.0
}

/// Supplies values that come from records.
pub(super) struct Values {
    remaining: vec::IntoIter<OwnedScalar>,
    /// The value of the column consumed last.
    current: OwnedScalar,
}

impl Values {
    pub(super) fn new(values: Vec<OwnedScalar>) -> Self {
        Self { remaining: values.into_iter(), current: OwnedScalar::Null }
    }

    /// Consumes a value. `take` returns it if it has the expected type.
    fn next<'v, T>(
        &'v mut self,
        expected: &'static str,
        take: impl FnOnce(&'v OwnedScalar) -> Option<T>,
    ) -> Result<Option<T>, String> {
        self.current = self.remaining.next().ok_or_else(|| "a value is missing".to_owned())?;
        match &self.current {
            OwnedScalar::Null => Ok(None),
            value => take(value).map(Some).ok_or_else(|| format!("{value:?} is not {expected}")),
        }
    }
}

impl Decoder for Values {
    type Error = String;

    fn text(&mut self) -> Result<Option<&str>, String> {
        self.next("a text", |value| match value {
            OwnedScalar::Groups(groups) => Some(groups.text()),
            value => value.as_value().as_str(),
        })
    }

    fn invalid(&mut self, _: usize, message: &dyn Display) -> String {
        message.to_string()
    }

    fn is_trusted(&self) -> bool {
        true
    }

    fn integer(&mut self) -> Result<Option<i64>, String> {
        self.next("an integer", |value| match value {
            OwnedScalar::Integer(number) => Some(*number),
            _ => None,
        })
    }

    fn timestamp(&mut self) -> Result<Option<Timestamp>, String> {
        self.next("a timestamp", |value| match value {
            OwnedScalar::Timestamp(time) => Some(*time),
            _ => None,
        })
    }

    fn id(&mut self, prefix: &'static str) -> Result<Option<Ulid>, String> {
        self.next("such an identifier", |value| match value {
            OwnedScalar::Id(other, ulid) if *other == prefix => Some(*ulid),
            _ => None,
        })
    }

    fn ids(&mut self, prefix: &'static str) -> Result<Option<Vec<Ulid>>, String> {
        self.next("a list of such identifiers", |value| match value {
            OwnedScalar::Ids(other, ulids) if *other == prefix => Some(ulids.clone()),
            _ => None,
        })
    }
}
