//! The cells of tables.

use kernel::Timestamp;

use super::number::displayed_number;
use crate::shorten;

/// The maximum length of a header, in characters. Of a longer one, the end is left out.
const MAX_HEADER_LENGTH: usize = 300;

/// The text of a cell without a usable value, in a report of failed rows.
pub(crate) const FAULT_TEXT: &str = "#ERROR!";

/// The text of a header without the white space that has no meaning.
pub(super) fn header_of(text: &str) -> String {
    let header = text.split_whitespace().collect::<Vec<_>>().join(" ");
    shorten::displayed(&shorten::excerpt(&header, MAX_HEADER_LENGTH))
}

/// A cell of a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum TableCell {
    /// The cell has no value.
    #[default]
    Empty,
    /// A text.
    Text(String),
    /// A number.
    Number(f64),
    /// A number that is displayed as a percentage, a hundred times as large.
    Percent(f64),
    /// A number that is displayed with zeros before it, with this number of digits.
    Padded(f64, usize),
    /// A number that is displayed as a date: the time that a clock in UTC shows.
    Date(Timestamp),
    /// A number that is displayed as a date in UTC, with a `Z` behind it, as exports do.
    Moment(Timestamp),
    /// A truth value.
    Boolean(bool),
    /// A cell without a usable value, with the reason.
    Fault(String),
}

impl TableCell {
    /// Whether the cell has no value, or only white space.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Text(text) => text.trim().is_empty(),
            _ => false,
        }
    }

    /// The cell as a spreadsheet shows it; `None` if it has no usable value.
    #[must_use]
    pub fn shown(&self) -> Option<String> {
        match self {
            Self::Percent(number) => Some(format!("{}%", displayed_number(number * 100.0))),
            Self::Padded(number, digits) => Some(format!("{:0>digits$}", displayed_number(*number))),
            Self::Date(clock) => Some(clock.to_string().trim_end_matches('Z').to_owned()),
            Self::Moment(time) => Some(time.to_string()),
            Self::Fault(_) => None,
            other => other.text().ok(),
        }
    }

    /// The cell as the header of a column: its text without the white space that has no meaning.
    #[must_use]
    pub fn header(&self) -> String {
        self.text().map_or_else(|_| String::new(), |text| header_of(&text))
    }

    /// The text of the cell.
    ///
    /// # Errors
    /// The reason why there is none.
    pub(super) fn text(&self) -> Result<String, String> {
        match self {
            Self::Empty => Ok(String::new()),
            Self::Text(text) if text == FAULT_TEXT => {
                Err(format!("is {FAULT_TEXT}, in place of a value that could not be used: enter the value"))
            }
            Self::Text(text) => Ok(text.clone()),
            Self::Number(number) | Self::Percent(number) | Self::Padded(number, _) => Ok(displayed_number(*number)),
            Self::Boolean(value) => Ok(if *value { "TRUE" } else { "FALSE" }.to_owned()),
            Self::Date(_) | Self::Moment(_) => {
                Err("is a date, and the field takes a text: format the cell as text, and enter its value \
                                  again"
                    .to_owned())
            }
            Self::Fault(reason) => Err(reason.clone()),
        }
    }
}
