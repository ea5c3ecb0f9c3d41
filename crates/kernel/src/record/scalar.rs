//! The values of single columns.

use ulid::Ulid;

use super::{column::ColumnType, encoding::Decoder};
use crate::{
    id::{HasIdPrefix, Id, IdList},
    text::{Rule, Text},
    timestamp::Timestamp,
};

/// The value of one column, borrowed from its record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScalarValue<'r> {
    /// No value.
    Null,
    /// A text.
    Text(&'r str),
    /// The name of an enum's variant.
    Name(&'static str),
    /// An integer within ±2⁵³, the range that every JSON parser represents exactly.
    Integer(i64),
    /// A time.
    Timestamp(Timestamp),
    /// An identifier: its prefix and its ULID.
    Id(&'static str, Ulid),
    /// A list of identifiers: their prefix and their ULIDs.
    Ids(&'static str, &'r [Ulid]),
}

impl<'r> ScalarValue<'r> {
    /// The text or name, if the value is one.
    #[must_use]
    pub const fn as_str(self) -> Option<&'r str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Name(name) => Some(name),
            _ => None,
        }
    }

    /// A copy that owns its text.
    #[must_use]
    pub fn to_owned(self) -> OwnedScalar {
        match self {
            Self::Null => OwnedScalar::Null,
            Self::Text(text) => OwnedScalar::Text(text.to_owned()),
            Self::Name(name) => OwnedScalar::Name(name),
            Self::Integer(number) => OwnedScalar::Integer(number),
            Self::Timestamp(time) => OwnedScalar::Timestamp(time),
            Self::Id(prefix, ulid) => OwnedScalar::Id(prefix, ulid),
            Self::Ids(prefix, ulids) => OwnedScalar::Ids(prefix, ulids.to_vec()),
        }
    }
}

/// The value of one column, owned. Values of one column are ordered as their type is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OwnedScalar {
    /// No value.
    Null,
    /// A text.
    Text(String),
    /// The name of an enum's variant.
    Name(&'static str),
    /// An integer.
    Integer(i64),
    /// A time.
    Timestamp(Timestamp),
    /// An identifier: its prefix and its ULID.
    Id(&'static str, Ulid),
    /// A list of identifiers: their prefix and their ULIDs.
    Ids(&'static str, Vec<Ulid>),
}

impl OwnedScalar {
    /// The value, borrowed.
    #[must_use]
    pub fn as_value(&self) -> ScalarValue<'_> {
        match self {
            Self::Null => ScalarValue::Null,
            Self::Text(text) => ScalarValue::Text(text),
            Self::Name(name) => ScalarValue::Name(name),
            Self::Integer(number) => ScalarValue::Integer(*number),
            Self::Timestamp(time) => ScalarValue::Timestamp(*time),
            Self::Id(prefix, ulid) => ScalarValue::Id(prefix, *ulid),
            Self::Ids(prefix, ulids) => ScalarValue::Ids(prefix, ulids),
        }
    }
}

/// A type whose values fill one column.
pub trait Scalar: Sized {
    /// The type of the column.
    const TYPE: ColumnType;

    /// The value of the column.
    fn value(&self) -> ScalarValue<'_>;

    /// Takes a value from the decoder; `None` if it is null or absent.
    ///
    /// # Errors
    /// The decoder's error if the value is invalid.
    fn decode_nullable<D: Decoder + ?Sized>(decoder: &mut D) -> Result<Option<Self>, D::Error>;

    /// The value that an absent one stands for, if callers may leave it out.
    #[must_use]
    fn default_value() -> Option<Self> {
        None
    }
}

impl<R: Rule> Scalar for Text<R> {
    const TYPE: ColumnType = ColumnType::Text { min: R::MIN, max: R::MAX, rule: R::DESCRIPTION };

    #[inline]
    fn value(&self) -> ScalarValue<'_> {
        ScalarValue::Text(self.as_str())
    }

    #[inline]
    fn decode_nullable<D: Decoder + ?Sized>(decoder: &mut D) -> Result<Option<Self>, D::Error> {
        if decoder.is_trusted() {
            return Ok(decoder.text()?.map(Self::trusted));
        }
        let parsed = decoder.text()?.map(Self::parse).transpose();
        parsed.map_err(|error| decoder.invalid(0, &error))
    }

    fn default_value() -> Option<Self> {
        // A text that may be empty may be left out.
        Self::parse("").ok()
    }
}

impl Scalar for i64 {
    const TYPE: ColumnType = ColumnType::Integer;

    #[inline]
    fn value(&self) -> ScalarValue<'_> {
        ScalarValue::Integer(*self)
    }

    #[inline]
    fn decode_nullable<D: Decoder + ?Sized>(decoder: &mut D) -> Result<Option<Self>, D::Error> {
        decoder.integer()
    }
}

impl Scalar for Timestamp {
    const TYPE: ColumnType = ColumnType::Timestamp;

    #[inline]
    fn value(&self) -> ScalarValue<'_> {
        ScalarValue::Timestamp(*self)
    }

    #[inline]
    fn decode_nullable<D: Decoder + ?Sized>(decoder: &mut D) -> Result<Option<Self>, D::Error> {
        decoder.timestamp()
    }
}

impl<R: HasIdPrefix> Scalar for Id<R> {
    const TYPE: ColumnType = ColumnType::Id(R::PREFIX);

    #[inline]
    fn value(&self) -> ScalarValue<'_> {
        ScalarValue::Id(R::PREFIX, self.ulid())
    }

    #[inline]
    fn decode_nullable<D: Decoder + ?Sized>(decoder: &mut D) -> Result<Option<Self>, D::Error> {
        Ok(decoder.id(R::PREFIX)?.map(Self::new))
    }
}

impl<R: HasIdPrefix> Scalar for IdList<R> {
    const TYPE: ColumnType = ColumnType::Ids(R::PREFIX);

    fn value(&self) -> ScalarValue<'_> {
        ScalarValue::Ids(R::PREFIX, self.ulids())
    }

    fn decode_nullable<D: Decoder + ?Sized>(decoder: &mut D) -> Result<Option<Self>, D::Error> {
        Ok(decoder.ids(R::PREFIX)?.map(Self::from_ulids))
    }

    fn default_value() -> Option<Self> {
        Some(Self::from_ulids(Vec::new()))
    }
}
