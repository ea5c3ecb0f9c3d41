//! The format of backup files: a tar archive, which any machine can inspect.
//!
//! It contains, in this order, `manifest.json`, `novantra.db`, the objects of attachments in `attachments/`, and `sha256`:
//! the digest of the names, lengths and contents of all entries before it, in hexadecimal. The digest reveals files
//! that are truncated or damaged.

mod digest;
mod read;
mod write;

use serde::{Deserialize, Serialize};

pub(crate) use read::{Unpacked, unpack};
pub(crate) use write::{AttachmentFile, AttachmentSource, pack};

/// The format version that this program writes, and the only one it reads.
pub(crate) const FORMAT: u64 = 1;

const MANIFEST: &str = "manifest.json";
const DATABASE: &str = "novantra.db";
pub(crate) const ATTACHMENTS: &str = "attachments";
const DIGEST: &str = "sha256";

/// The metadata of a backup, in `manifest.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Manifest {
    pub(crate) format: u64,
    /// The version of the program that created the backup.
    pub(crate) program: String,
    /// The version of the newest migration of the database.
    pub(crate) schema: i64,
    /// The time of the copy of the database. The backup contains every write acknowledged before.
    pub(crate) made_at: String,
    /// Whether the attachments were left out.
    #[serde(default)]
    pub(crate) without_attachments: bool,
}

#[cfg(test)]
mod tests;
