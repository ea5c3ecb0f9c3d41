//! The public HTTP API, version 1: routes, response bodies, errors, and the pipeline that every request passes through.

mod accept;
mod accounts;
mod app;
mod authenticate;
mod body;
mod call;
mod confidential;
mod cursor;
mod door;
mod forwarded;
mod head;
mod intake;
mod json;
mod notices;
mod openapi;
mod operation;
mod paging;
mod problem;
mod query;
mod reply;
mod resources;
mod router;
mod routes;
mod schema;
mod services;
mod streams;
mod throttle;
mod trail;
mod view;
mod write;

pub use app::App;
pub use forwarded::TrustedProxies;
pub use notices::Notices;
pub use openapi::openapi;
pub use router::router;
pub use services::{AnswerSeal, ApiSettings, CursorSeal, Observer, Quotas, Services};
