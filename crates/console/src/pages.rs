//! The pages: what the handler of each address reads, and the HTML that it makes of it.

pub(crate) mod assessments;
mod assets;
mod attempt;
mod commit;
mod current_viewer;
pub(crate) mod evidence;
pub(crate) mod findings;
mod form_references;
mod form_texts;
mod forms;
pub(crate) mod frameworks;
mod overview;
mod owners;
pub(crate) mod people;
mod references;
mod register_detail;
mod register_form;
mod register_list;
pub(crate) mod register_pages;
mod rows;
pub(crate) mod saved_views;
pub(crate) mod submissions;
mod tabs;
mod workspace_people;

pub(crate) use assets::{script, stylesheet};
pub(crate) use current_viewer::viewer;
pub(crate) use overview::handle as overview;
pub(crate) use rows::choose as choose_rows;
