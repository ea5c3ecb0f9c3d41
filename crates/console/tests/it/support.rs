//! The web app under test, and a browser.

mod browser;
mod test_app;

pub(crate) use browser::Browser;
pub(crate) use test_app::TestApp;
mod people_app;

pub(crate) use browser::{Browser, Page};
pub(crate) use people_app::{EMAIL, PASSWORD, PeopleApp, api_probe, form_value};
