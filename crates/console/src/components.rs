//! The parts that pages are made of. Each is a function that returns its HTML.

mod badge;
mod chart;
mod choice;
mod due;
mod field;
mod frame;
mod list;
mod meter;
mod note;
mod passkey;
mod person;
mod secret;
mod sparkline;
mod stats;
mod status;
mod steps;
mod tabs;

pub(crate) use crate::icon::Icon;
pub(crate) use badge::{badge, code_block, dotted, http_status};
pub(crate) use chart::{Bar, BarChart, Series, legend, numbers};
pub(crate) use choice::{Choice, choices, choices_across, submit_bar, submit_in_row};
pub(crate) use due::{distance, due};
pub(crate) use field::{Field, reason, user_name};
pub(crate) use frame::{Head, NONE, form_token, gate, heading, page, wide_gate};
pub(crate) use list::{TableColumn, card, copyable, pager, table};
pub(crate) use meter::{meter, strip};
pub(crate) use note::{Tone, blank, flash, note, problem_summary};
pub(crate) use passkey::{ANSWER, Ceremony, passkey_form};
pub(crate) use person::{actor, avatar};
pub(crate) use secret::secret_field;
pub(crate) use sparkline::sparkline;
pub(crate) use stats::{Stat, stat_strip};
pub(crate) use status::{is_under_way, severity, status, status_among, status_in_words};
pub(crate) use steps::{Step, steps};
pub(crate) use tabs::tabs;
