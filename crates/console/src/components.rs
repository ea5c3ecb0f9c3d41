//! The parts that pages are made of. Each is a function that returns its HTML.

mod chart;
mod field;
mod frame;
mod icon;
mod list;
mod meter;
mod note;
mod person;
mod sparkline;
mod stats;
mod status;

pub(crate) use chart::{Bar, BarChart, Series, legend, numbers};
pub(crate) use field::{Field, reason};
pub(crate) use frame::{Head, NONE, form_token, gate, heading, page, wide_gate};
pub(crate) use icon::Icon;
pub(crate) use list::{TableColumn, card, copyable, pager, table};
pub(crate) use meter::{meter, strip};
pub(crate) use note::{Tone, blank, flash, note, problem_summary};
pub(crate) use person::{actor, avatar};
pub(crate) use sparkline::sparkline;
pub(crate) use stats::{Stat, stat_strip};
pub(crate) use status::{severity, status};
