//! The record of stored bytes: which object has the bytes with a hash.

use kernel::record;

use crate::file::{ObjectKey, Sha256};

record! {
    /// The bytes with one hash in one organization, whichever attachments have them. The API never shows it.
    ///
    /// The command that adds an attachment with this hash writes this record, too, and so does the removal of bytes that
    /// no attachment has any more. Both do so under its revision, so bytes are never removed while an attachment with
    /// them is being added. The record stays when its bytes are removed.
    #[record(kind = EvidenceContent, prefix = "evcon", plural = "evidence_contents")]
    pub struct EvidenceContent {
        /// The SHA-256 hash of the bytes, in hexadecimal.
        #[column(label("sha256"), key, example("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"))]
        pub key: Sha256,
        /// The key of the object in the object store; `None` once no attachment has the bytes any more. An object key is
        /// used once, so an object that is removed late never has the bytes of a later upload.
        pub object_key: Option<ObjectKey>,
        /// The size in bytes.
        #[column(example("48211"))]
        pub size: i64,
    }
}
