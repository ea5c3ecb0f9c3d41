//! The cells of tables.

use kernel::Timestamp;

use super::number::displayed_number;

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
    /// A number that is displayed as a date.
    Date(Timestamp),
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

    /// The cell as the text that a spreadsheet shows.
    ///
    /// # Errors
    /// The reason why there is none.
    pub(super) fn text(&self) -> Result<String, String> {
        match self {
            Self::Empty => Ok(String::new()),
            Self::Text(text) => Ok(text.clone()),
            Self::Number(number) => Ok(displayed_number(*number)),
            Self::Boolean(value) => Ok(if *value { "TRUE" } else { "FALSE" }.to_owned()),
            Self::Date(_) => {
                Err("is a date, and the field takes a text: format the cell as text, and enter its value \
                                  again"
                    .to_owned())
            }
            Self::Fault(reason) => Err(reason.clone()),
        }
    }
}
