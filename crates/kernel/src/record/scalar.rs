//! The types whose values fill one column.

use super::{column_type::ColumnType, encoding::Decoder, value::ScalarValue};
use crate::{
    id::{HasIdPrefix, Id, IdList},
    text::{Rule, Text},
    timestamp::Timestamp,
};

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
    const TYPE: ColumnType = ColumnType::Text { min: R::MIN, max: R::MAX, rule: R::DESCRIPTION, pattern: R::PATTERN };

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
