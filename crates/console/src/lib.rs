//! The web app: pages for the people who run governance, rendered on the server.
//!
//! | layer | contains |
//! |---|---|
//! | `components/` | the parts that pages are made of, as functions that return HTML |
//! | `registers/` | list, detail and form of any record that states its fields with `record!` |
//! | `navigation.rs`, `words.rs`, `zone.rs`, `viewer.rs` | the rail, the words, the times, and who looks at a page |

#![warn(missing_docs)]

pub mod assets;
mod components;
mod navigation;
pub mod registers;
mod viewer;
mod words;
mod zone;

pub use viewer::{Theme, Viewer};
pub use zone::Zone;
