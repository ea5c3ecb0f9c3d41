//! Importers for files of other systems: they parse bytes into records of the domain, and report errors with their
//! positions.
//!
//! This crate does not open files, sockets or stores. A file that does not have the expected format is [`Unreadable`]
//! as a whole; a part of a file that can't be imported is an [`ImportFailure`], and the rest is imported nevertheless.

pub mod bundle;
mod checked_draft;
mod columns;
pub mod csv;
pub mod cyclonedx;
mod document;
mod document_draft;
mod draft;
mod field_name;
mod fields;
mod kinds;
mod links;
mod object;
pub mod oscal;
mod position;
mod references;
mod repairs;
#[cfg(any(test, feature = "test-support"))]
pub mod sample;
pub mod sarif;
mod shorten;
pub mod table;
mod text_encoding;
pub mod xlsx;

pub use checked_draft::{CheckedDraft, InvalidDraft, ReferenceValue};
pub use document::{Document, Inventory, MAX_DOCUMENT_LENGTH, MAX_DOCUMENT_RECORDS};
pub use document_draft::{DocumentDraft, OnExisting};
pub use draft::Draft;
pub use field_name::field_name;
pub use kinds::RecordKind;
pub use position::{ImportFailure, Located, SourcePosition, Unreadable};
pub use references::{KeyForm, KeyParts, ReferenceColumn, identity_columns, rank, references, self_reference};
pub use repairs::{MAX_DESCRIBED_REPAIRS, Repair};
