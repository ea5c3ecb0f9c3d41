//! The parts that pages are made of. Each is a function that returns its HTML.

mod badge;
mod choice;
mod field;
mod frame;
mod icon;
mod list;
mod note;
mod person;
mod status;

pub(crate) use badge::{Tab, badge, code_block, dotted, http_status, meter, tabs};
pub(crate) use choice::{Choice, choices, submit_bar, submit_in_row};
pub(crate) use field::{Field, reason};
pub(crate) use frame::{Head, NONE, form_token, gate, heading, page, wide_gate};
pub(crate) use icon::Icon;
pub(crate) use list::{TableColumn, card, copyable, pager, secret_field, table};
pub(crate) use note::{Tone, blank, flash, note, problem_summary};
pub(crate) use person::{actor, avatar};
pub(crate) use status::{severity, status, status_in_words};
