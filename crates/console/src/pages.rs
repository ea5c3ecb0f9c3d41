//! The pages: what the handler of each address reads, and the HTML that it makes of it.

mod assets;
mod current_viewer;
mod form_texts;
mod overview;
pub(crate) mod people;
mod register_detail;
mod register_form;
mod register_list;
pub(crate) mod register_pages;

pub(crate) use assets::{script, stylesheet};
pub(crate) use current_viewer::viewer;
pub(crate) use overview::handle as overview;
