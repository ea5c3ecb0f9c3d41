//! The types that a record's fields can have.

use super::{
    column::Columns,
    encoding::{Decoder, Encoder},
    scalar::{Scalar, ScalarValue},
};

/// A type that a record's field can have: a [`Scalar`], an `Option` of one, or a group of columns.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the type of a record's field",
    label = "neither a `Scalar`, nor an `Option` of one, nor a group of columns"
)]
pub trait Field: Sized {
    /// The columns of the field. A single column has no name here: it takes that of the field.
    const COLUMNS: Columns;

    /// Passes the value of each column to the encoder.
    fn encode<'r, E: Encoder<'r> + ?Sized>(&'r self, encoder: &mut E);

    /// Takes the value of each column from the decoder. Takes all of them, whether or not the first is valid.
    ///
    /// # Errors
    /// The decoder's error if a value is invalid or missing.
    fn decode<D: Decoder + ?Sized>(decoder: &mut D) -> Result<Self, D::Error>;
}

impl<T: Scalar> Field for T {
    const COLUMNS: Columns = Columns::one::<T>(false);

    #[inline]
    fn encode<'r, E: Encoder<'r> + ?Sized>(&'r self, encoder: &mut E) {
        encoder.put(self.value());
    }

    #[inline]
    fn decode<D: Decoder + ?Sized>(decoder: &mut D) -> Result<Self, D::Error> {
        match T::decode_nullable(decoder)? {
            Some(value) => Ok(value),
            None => T::default_value().filter(|_| !decoder.is_trusted()).ok_or_else(|| decoder.missing()),
        }
    }
}

impl<T: Scalar> Field for Option<T> {
    const COLUMNS: Columns = Columns::one::<T>(true);

    #[inline]
    fn encode<'r, E: Encoder<'r> + ?Sized>(&'r self, encoder: &mut E) {
        encoder.put(self.as_ref().map_or(ScalarValue::Null, T::value));
    }

    #[inline]
    fn decode<D: Decoder + ?Sized>(decoder: &mut D) -> Result<Self, D::Error> {
        T::decode_nullable(decoder)
    }
}
