//! The parts that pages are made of. Each is a function that returns its HTML.

mod command;
mod due;
mod field;
mod frame;
mod icon;
mod list;
mod note;
mod passkey;
mod person;
mod radio;
mod secret;
mod status;
mod tabs;

pub(crate) use command::{Choice, Step, choices, steps};
pub(crate) use due::{distance, due};
pub(crate) use field::{Field, reason, user_name};
pub(crate) use frame::{Head, NONE, form_token, gate, heading, page, wide_gate};
pub(crate) use icon::Icon;
pub(crate) use list::{TableColumn, card, copyable, pager, table};
pub(crate) use note::{Tone, blank, flash, note, problem_summary};
pub(crate) use passkey::{ANSWER, Ceremony, passkey_form};
pub(crate) use person::{actor, avatar};
pub(crate) use radio::{Radio, radios};
pub(crate) use secret::secret_box;
pub(crate) use status::{severity, status};
pub(crate) use tabs::tabs;
