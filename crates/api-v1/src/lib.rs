//! Version 1 of the public API: its endpoints, the JSON representation of its records, and its webhook payloads.

mod errors;
mod media_types;
mod module;
mod record_view;
mod registers;
mod resources;
mod routes;
mod view;
mod webhook_payload;
mod webhook_services;

pub use module::module;
pub use routes::{openapi, surface};
pub use view::Represent;
pub use webhook_payload::PayloadRenderer;
pub use webhook_services::{DeliveryTrigger, WebhookServices};
