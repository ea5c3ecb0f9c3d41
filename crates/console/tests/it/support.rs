//! The web app under test, and a browser.

mod browser;
mod test_app;

pub(crate) use browser::{Browser, Page};
pub(crate) use test_app::TestApp;
