//! Importers for files of other systems: they parse bytes into records of the domain, and report errors with their
//! positions.
//!
//! This crate does not open files, sockets or stores. A file that does not have the expected format is [`Unreadable`]
//! as a whole; a part of a file that can't be imported is an [`ImportFailure`], and the rest is imported nevertheless.

pub mod bundle;
mod position;
#[cfg(any(test, feature = "test-support"))]
pub mod sample;
pub mod sarif;
mod shorten;

pub use position::{ImportFailure, Located, SourcePosition, Unreadable};
