//! The public API, version 1: routes, shapes, errors, and the one door every call goes through.

mod services;

pub use services::{ApiSettings, CursorSeal, Observer, Quotas, Services};
