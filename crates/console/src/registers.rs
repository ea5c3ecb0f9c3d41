//! The pages of records that state their fields with `record!`: list, detail and form are read from the statement, so
//! that a new register has its pages without a line of its own.

mod columns;
mod detail;
mod filters;
mod form;
mod list;
mod register;
mod typed;
mod value;

pub use detail::{Detail, HistoryEntry, detail};
pub use filters::ChosenFilters;
pub use form::{Conflict, RecordForm, form};
pub use list::{ListView, list};
pub use register::{Register, Row, register_of};
pub use typed::{TypedFaults, read_typed};
