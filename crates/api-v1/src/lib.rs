//! Version 1 of the public API: its endpoints, the JSON representation of its records, and its webhook payloads.

mod attachment_limits;
mod attachment_services;
mod content_locks;
mod content_verifier;
mod errors;
mod media_types;
mod module;
mod received_file;
mod record_view;
mod registers;
mod resources;
mod routes;
mod sent_files;
mod services;
mod view;
mod webhook_payload;
mod webhook_services;

pub use attachment_limits::AttachmentLimits;
pub use attachment_services::AttachmentServices;
pub use module::{collection_path, module};
pub use routes::{document, openapi, surface};
pub use sent_files::SentFiles;
pub use services::ApiServices;
pub use view::Represent;
pub use webhook_payload::PayloadRenderer;
pub use webhook_services::{DeliveryTrigger, WebhookServices};
