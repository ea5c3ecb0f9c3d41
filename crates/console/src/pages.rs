//! The pages: what the handler of each address reads, and the HTML that it makes of it.

mod assets;
pub(crate) mod audit;
mod current_viewer;
pub(crate) mod developers;
mod form_texts;
mod one_time_secret;
mod overview;
pub(crate) mod people;
mod register_detail;
mod register_form;
mod register_list;
pub(crate) mod register_pages;
pub(crate) mod webhooks;

pub(crate) use assets::{script, stylesheet};
pub(crate) use current_viewer::viewer;
pub(crate) use overview::handle as overview;
