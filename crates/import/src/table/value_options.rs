//! The caller's statements about the forms of values.

use super::{date::DateOrder, time_zone::TimeZone};

/// The forms of values in a table.
#[derive(Clone, Debug, Default)]
pub struct ValueOptions {
    /// The time zone of dates without an offset.
    pub zone: TimeZone,
    /// The order of the parts of dates.
    pub date_order: Option<DateOrder>,
    /// The decimal mark of numbers.
    pub decimal_mark: Option<DecimalMark>,
    /// Whether numbers may have a decimal comma because of the form of the file.
    pub has_local_numbers: bool,
    /// The meaning of percentages.
    pub percent: Option<Percent>,
}

/// The meaning of a percentage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Percent {
    /// 4.5 for 4.5%.
    AsShown,
    /// 0.045 for 4.5%.
    AsFraction,
}

/// The character between the integer and the fraction of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecimalMark {
    /// `94.5`
    Point,
    /// `94,5`
    Comma,
}
