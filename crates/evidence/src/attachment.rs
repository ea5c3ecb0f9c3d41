//! Evidence attachments: uploaded files, each of which is linked to at most one claim.

use auth::AccountId;
use kernel::{Id, Stored, record, string_enum};

use crate::{
    attached_file::AttachedFile,
    claim::EvidenceClaim,
    file::{ContentType, FileName, Sha256},
};

record! {
    /// An uploaded file. Its bytes are those of the [`crate::EvidenceContent`] with the same hash, which names an object
    /// unless the attachment is removed.
    #[record(kind = EvidenceAttachment, prefix = "evatt", plural = "evidence_attachments")]
    pub struct EvidenceAttachment {
        /// The name of the file.
        #[column(example("restore-test.csv"))]
        pub file_name: FileName,
        /// The media type of the file.
        #[column(example("text/csv"))]
        pub content_type: ContentType,
        /// The size in bytes.
        #[column(example("48211"))]
        pub size: i64,
        /// The SHA-256 hash of the bytes, in hexadecimal.
        #[column(filter(Few), example("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"))]
        pub sha256: Sha256,
        /// The account that uploaded the file; `None` if a person did, with a claim, or an operator of the installation. Only
        /// it may link the file.
        pub uploaded_by: Option<AccountId>,
        /// The claim that the file is linked to.
        pub claim_id: Option<Id<EvidenceClaim>>,
        /// The status of the attachment. Removed ones do not count as having bytes.
        #[column(filter(Many), example("linked"))]
        pub status: AttachmentStatus,
    }
}

string_enum! {
    /// The status of an attachment.
    AttachmentStatus = Unlinked {
        /// It is not linked to a claim yet, and is removed 24 hours after its upload.
        Unlinked = "unlinked",
        /// It is linked to a claim.
        Linked = "linked",
        /// It was removed because nobody linked it. Only the record is left.
        Removed = "removed",
    }
}

impl AttachedFile {
    /// Returns the properties of an attachment.
    #[must_use]
    pub fn from_attachment(attachment: &Stored<EvidenceAttachment>) -> Self {
        let EvidenceAttachment { file_name, content_type, size, sha256, .. } = attachment.record.clone();
        let id = Id::new(attachment.meta.ulid());
        Self { id, file_name, content_type, size, sha256, created_at: attachment.meta.created_at }
    }

    /// The identifier of the attachment.
    #[must_use]
    pub const fn attachment_id(&self) -> Id<EvidenceAttachment> {
        Id::new(self.id.ulid())
    }
}
