//! The file of a backup: a tar, so that any machine can look into it.
//!
//! It holds, in this order, `manifest.json`, `novantra.db`, the files of the folder `attachments/`, and `sha256`: a digest of
//! the names, lengths and contents of all that came before, in hexadecimal. By the last one a file that was cut off or
//! damaged is known.

mod digest;
mod read;
mod write;

use serde::{Deserialize, Serialize};

pub(crate) use read::{Unpacked, unpack};
pub(crate) use write::pack;

/// The form this program writes, and the only one it reads.
pub(crate) const FORMAT: u64 = 1;

const MANIFEST: &str = "manifest.json";
const DATABASE: &str = "novantra.db";
pub(crate) const ATTACHMENTS: &str = "attachments";
const DIGEST: &str = "sha256";

/// What a backup says of itself.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Manifest {
    pub(crate) format: u64,
    /// The version of the program that made it.
    pub(crate) program: String,
    /// The newest migration of its database.
    pub(crate) schema: i64,
    /// When the database was copied; everything acknowledged before is in it.
    pub(crate) made_at: String,
}

#[cfg(test)]
mod tests;
