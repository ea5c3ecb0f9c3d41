//! The pages of records that state their fields with `record!`: list, detail and form are read from the statement, so
//! that a new register has its pages without a line of its own.

mod columns;
mod detail;
mod filter_bar;
mod filters;
mod form;
mod form_text;
mod hint;
mod history;
mod list;
mod opened;
mod record_names;
mod references;
mod register;
mod related;
mod typed;
mod value;

pub(crate) use detail::{Detail, Slots, detail};
pub(crate) use filter_bar::filter_bar;
pub(crate) use filters::{ChosenFilters, FilterNames, filter_name, parameter_label};
pub(crate) use form::{FILES, RecordForm, form};
pub(crate) use history::history;
pub(crate) use list::{ListView, import_button, is_by_change, list, nothing, order_of, pages};
pub(crate) use opened::{MergedTexts, merge_stored};
pub(crate) use record_names::{RecordName, RecordNames, is_person, referred_by, referred_in_list};
pub(crate) use references::{Named, PEOPLE, ReferenceField, References, people_list, reference_fields, reference_text};
pub(crate) use register::{Register, Row, register_named, register_of};
pub(crate) use typed::{TypedFaults, key_field, new_fields, read_typed};
