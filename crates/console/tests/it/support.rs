//! The web app under test, and a browser.

mod browser;
mod files;
mod log;
mod people;
mod tables;
mod test_app;

pub(crate) use browser::{Browser, Page, cookie, multipart, with_cookie};
pub(crate) use people::{EMAIL, PASSWORD, form_value};
pub(crate) use tables::column;
pub(crate) use test_app::TestApp;
