//! The public HTTP API, version 1: routes, response bodies, errors, and the pipeline that every request passes through.

mod account_cache;
mod app;
mod audit_recorder;
mod authenticate;
mod body;
mod body_budget;
mod client_address;
mod cursor;
mod header_limits;
mod json;
mod negotiation;
mod openapi;
mod operation;
mod paging;
mod pipeline;
mod problem;
mod query;
mod rate_limit;
mod replay_encryption;
mod request;
mod resources;
mod response;
mod router;
mod routes;
mod schema;
mod services;
mod streams;
mod view;
mod webhook_payload;
mod write;

pub use app::App;
pub use client_address::TrustedProxies;
pub use openapi::openapi;
pub use router::router;
pub use services::{ApiSettings, CursorCipher, Observer, Quotas, ResponseCipher, Services};
pub use webhook_payload::PayloadRenderer;
