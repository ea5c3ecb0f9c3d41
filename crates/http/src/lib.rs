//! The HTTP machinery that every surface of the server is built on: the pipeline that each request passes through,
//! request and response bodies, the generic list, get and write, streams, and the builder of OpenAPI documents.
//!
//! A surface, such as version 1 of the API, states its endpoints as [`endpoints::Operation`]s. This crate names none of
//! their paths and none of their records.

#![warn(missing_docs)]

pub mod endpoints;
mod fair_budget;
pub mod handlers;
mod memory;
pub mod openapi;
pub mod pipeline;
pub mod request;
pub mod response;
pub mod streams;

pub use endpoints::{Surface, router};
pub use fair_budget::{Exhausted, FairBudget, FairPermit, Holder};
pub use pipeline::{ApiSettings, App, CommitListener, Observer, Quotas, Services, TrustedProxies};
pub use request::CursorSigner;
pub use response::ResponseCipher;
