//! The fields of one column: scalars, and scalars that may be absent.

use super::{
    columns::{Columns, Field},
    encoding::{Decoder, Encoder},
    scalar::Scalar,
    value::ScalarValue,
};

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
