//! Tables of records, as spreadsheets have them: a header whose cells name fields, and a row for each record.
//!
//! | part | rule |
//! |---|---|
//! | header | the first row that is not blank, or the one that the caller names; a cell is the name of a field in any spelling (`riskKey`, `Risk key`, `risk_key`), or the caller names the field |
//! | empty cell | no value; in a field that is never empty, such as a status, a record that exists keeps its value |
//! | a field without a column | a record that exists keeps its value |
//! | names, such as a status | in any case, and with spaces, hyphens or underscores |
//! | dates | a calendar date in a form that has one meaning, or whose order the caller names; without an offset, in UTC |
//! | numbers | with separators of thousands, unless they may also be a decimal mark; percentages only if the caller names their meaning |
//! | lists | separated by `;` or line ends, or a JSON list |
//!
//! Formats supply rows ([`TableRows`]); a [`Mapping`] makes a [`crate::Draft`] of each.

mod cell;
mod chosen_columns;
mod column_letters;
mod date;
mod field;
mod formula;
mod mapping;
mod number;
mod row;
mod row_reader;
mod time_zone;
mod value;
mod value_map;
mod value_options;

pub(crate) use cell::FAULT_TEXT;
pub use cell::TableCell;
pub use chosen_columns::TableColumn;
pub use column_letters::column_letters;
pub use date::{DateOrder, from_serial, to_serial};
pub use field::{FAULT_COLUMN, settable_fields};
pub use formula::{disarmed, is_formula, rearmed};
pub use mapping::{Mapping, MappingOptions};
pub use number::displayed_number;
pub use row::{MAX_COLUMNS, MAX_ROW_LENGTH, TableError, TableRow, TableRows};
pub use row_reader::RowDraft;
pub use time_zone::TimeZone;
pub use value_map::ValueMap;
pub use value_options::{DecimalMark, Percent, ValueOptions};
