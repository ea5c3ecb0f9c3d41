//! The pages of records that state their fields with `record!`: list, detail and form are read from the statement, so
//! that a new register has its pages without a line of its own.

mod columns;
mod detail;
mod filter_bar;
mod filters;
mod form;
mod history;
mod list;
mod register;
mod related;
mod typed;
mod value;

pub(crate) use detail::{Detail, Slots, detail};
pub(crate) use filter_bar::filter_bar;
pub(crate) use filters::{ChosenFilters, filter_name};
pub(crate) use form::{RecordForm, form};
pub(crate) use history::history;
pub(crate) use list::{ListView, list, nothing, order_of, pages, short_list};
pub(crate) use register::{Register, Row, register_of};
pub(crate) use typed::{TypedFaults, key_field, read_typed};
