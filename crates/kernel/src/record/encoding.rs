//! The two sides of every format: the encoder that records are written to, and the decoder that they are read from.

use std::fmt::Display;

use ulid::Ulid;

use super::value::ScalarValue;
use crate::timestamp::Timestamp;

/// Receives the values of a record: one call for each column, in the order of [`super::Record::COLUMNS`].
pub trait Encoder<'r> {
    /// Receives the value of the next column.
    fn put(&mut self, value: ScalarValue<'r>);
}

/// Supplies the values of a record. Each method but [`Self::invalid`], [`Self::missing`] and [`Self::is_trusted`]
/// consumes one column, whether it succeeds or not; `None` is a value that is null or absent.
///
/// Only texts and errors must be implemented. The other methods parse a text; a source that has typed values overrides
/// them.
pub trait Decoder {
    /// The error that an invalid value leads to. A decoder that collects all faults returns the proof that it has.
    type Error;

    /// Consumes a text.
    ///
    /// # Errors
    /// [`Self::Error`] if the value is no text.
    fn text(&mut self) -> Result<Option<&str>, Self::Error>;

    /// Creates the error for an invalid value: that of the column consumed last, or `columns_back` columns before it.
    fn invalid(&mut self, columns_back: usize, message: &dyn Display) -> Self::Error;

    /// Creates the error for a required value that is absent.
    fn missing(&mut self) -> Self::Error {
        self.invalid(0, &"is required")
    }

    /// Whether the values were validated when they were stored. Then they are not validated again, and an absent one is an
    /// error even where callers may leave it out.
    fn is_trusted(&self) -> bool {
        false
    }

    /// Consumes one of these names, and returns its index.
    ///
    /// # Errors
    /// [`Self::Error`] if the value is none of them.
    fn name(&mut self, names: &'static [&'static str]) -> Result<Option<usize>, Self::Error> {
        let Some(text) = self.text()? else { return Ok(None) };
        let index = names.iter().position(|name| *name == text);
        index.map(Some).ok_or_else(|| self.invalid(0, &format_args!("must be one of: {}", names.join(", "))))
    }

    /// Consumes an integer.
    ///
    /// # Errors
    /// [`Self::Error`] if the value is no integer.
    fn integer(&mut self) -> Result<Option<i64>, Self::Error> {
        let parsed = self.text()?.map(str::parse).transpose();
        parsed.map_err(|_| self.invalid(0, &"must be an integer"))
    }

    /// Consumes a timestamp.
    ///
    /// # Errors
    /// [`Self::Error`] if the value is neither a date nor an RFC 3339 timestamp.
    fn timestamp(&mut self) -> Result<Option<Timestamp>, Self::Error> {
        let parsed = self.text()?.map(Timestamp::parse_date_or_time).transpose();
        parsed.map_err(|error| self.invalid(0, &error))
    }

    /// Consumes an identifier with this prefix.
    ///
    /// # Errors
    /// [`Self::Error`] if the value is none.
    fn id(&mut self, prefix: &'static str) -> Result<Option<Ulid>, Self::Error> {
        let parsed = self.text()?.map(|text| crate::id::parse(prefix, text)).transpose();
        parsed.map_err(|error| self.invalid(0, &error))
    }

    /// Consumes a list of identifiers with this prefix. As a text they are separated by spaces.
    ///
    /// # Errors
    /// [`Self::Error`] if one of them is no identifier with this prefix.
    fn ids(&mut self, prefix: &'static str) -> Result<Option<Vec<Ulid>>, Self::Error> {
        let parse = |text: &str| text.split_ascii_whitespace().map(|id| crate::id::parse(prefix, id)).collect();
        let parsed = self.text()?.map(parse).transpose();
        parsed.map_err(|error: crate::id::MalformedId| self.invalid(0, &error))
    }
}
