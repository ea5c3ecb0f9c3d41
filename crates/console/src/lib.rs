//! The web app: pages for the people who run governance, rendered on the server.
//!
//! | module | contains |
//! |---|---|
//! | `components/` | the parts that pages are made of, as functions that return HTML |
//! | `registers/` | list, detail and form of any record that states its fields with `record!` |
//! | `pages/` | what the handler of each address reads, and the page that it makes of it |
//! | `surface.rs` | the addresses |
//! | `navigation.rs`, `words.rs`, `zone.rs`, `viewer.rs` | the rail, the words, the times, and who looks at a page |

#![warn(missing_docs)]

mod assets;
mod components;
mod evidence_files;
mod form_token;
mod icon;
mod navigation;
mod page_operation;
mod pages;
mod qr_code;
mod registers;
mod response;
mod services;
mod surface;
mod tables;
mod text_fault;
mod viewer;
mod words;
mod zone;

pub use evidence_files::{ClaimUpload, EvidenceFiles, FileLimits};
pub use services::{ConsoleServices, EventRenderers};
pub use surface::{demo_surface, route_table, surface};
pub use tables::{
    ColumnChoice, Fault, ImportState, MAX_FAULTS, MAX_TABLE_BYTES, MAX_TABLE_ROWS, NewTable, Outcome, Preview,
    RecordTables, TableExport, TableExportFormat, TableFormat, TableImport, TableOptions, TableRefusal, TakenOver,
};
