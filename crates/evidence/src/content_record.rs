//! The record of stored bytes: which object has the bytes with a hash.

use kernel::record;

use crate::file::{ObjectKey, Sha256};

record! {
    /// The bytes with one hash in one organization, whichever attachments have them. The API never shows it.
    ///
    /// Whoever adds an attachment with this hash writes this record, too, and so does whoever removes the last one. Both
    /// do so under its revision, so bytes are never removed while an attachment with them is being added. An object key
    /// is used for one upload only: an object that is removed late never has the bytes of a later upload.
    #[record(kind = EvidenceContent, prefix = "evcon", plural = "evidence_contents")]
    pub struct EvidenceContent {
        /// The SHA-256 hash of the bytes, in hexadecimal.
        #[column(label("sha256"), key, example("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"))]
        pub key: Sha256,
        /// The key of the object in the object store.
        #[column(example("org_01KSFQEHQ80000000000000001/9f/9f86d081"))]
        pub object_key: ObjectKey,
        /// The size in bytes.
        #[column(example("48211"))]
        pub size: i64,
    }
}
