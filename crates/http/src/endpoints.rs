//! The declarations of endpoints, and the router that is built from them.

mod api;
mod operation;
mod router;

pub use api::{Api, Surface};
pub use operation::{Document, Media, Operation};
pub use router::router;
