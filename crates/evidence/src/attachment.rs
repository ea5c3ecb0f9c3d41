//! Evidence attachments: uploaded files, each of which is linked to at most one claim.

use auth::AccountId;
use kernel::{Column, Columns, Decoder, Encoder, Field, Id, Stored, Timestamp, record, string_enum};

use crate::{
    claim::EvidenceClaim,
    file::{ContentType, FileName, Sha256},
};

record! {
    /// An uploaded file. Its bytes are those of the [`crate::EvidenceContent`] with the same hash; as long as the
    /// attachment exists, that record does.
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
        /// The account that uploaded the file; `None` if an operator of the installation did. Only it may link the file.
        pub uploaded_by: Option<AccountId>,
        /// The claim that the file is linked to.
        pub claim_id: Option<Id<EvidenceClaim>>,
        /// Whether the file is linked to a claim.
        #[column(filter(Many), example("linked"))]
        pub status: AttachmentStatus,
    }
}

string_enum! {
    /// Whether a file is linked to a claim.
    AttachmentStatus = Unlinked {
        /// It is not linked yet, and is removed 24 hours after its upload.
        Unlinked = "unlinked",
        /// It is linked.
        Linked = "linked",
    }
}

/// The properties of an attachment as callers see them. A claim has a copy of those of its attachments, which never
/// changes.
#[derive(Clone, Debug, PartialEq)]
pub struct AttachedFile {
    /// The identifier of the attachment.
    pub id: Id<EvidenceAttachment>,
    /// The name of the file.
    pub file_name: FileName,
    /// The media type of the file.
    pub content_type: ContentType,
    /// The size in bytes.
    pub size: i64,
    /// The SHA-256 hash of the bytes.
    pub sha256: Sha256,
    /// The time of the upload.
    pub created_at: Timestamp,
}

impl AttachedFile {
    /// Returns the properties of an attachment.
    #[must_use]
    pub fn from_attachment(attachment: &Stored<EvidenceAttachment>) -> Self {
        let EvidenceAttachment { file_name, content_type, size, sha256, .. } = attachment.record.clone();
        Self { id: attachment.meta.id, file_name, content_type, size, sha256, created_at: attachment.meta.created_at }
    }
}

impl Field for AttachedFile {
    const COLUMNS: Columns = Columns::EMPTY
        .with(Column::new::<Id<EvidenceAttachment>>("id", false).described("The identifier of the attachment."))
        .with(Column::new::<FileName>("file_name", false).described("The name of the file."))
        .with(Column::new::<ContentType>("content_type", false).described("The media type of the file."))
        .with(Column::new::<i64>("size", false).described("The size in bytes."))
        .with(Column::new::<Sha256>("sha256", false).described("The SHA-256 hash of the bytes, in hexadecimal."))
        .with(Column::new::<Timestamp>("created_at", false).described("The time of the upload."));

    fn encode<'r, E: Encoder<'r> + ?Sized>(&'r self, encoder: &mut E) {
        Field::encode(&self.id, encoder);
        Field::encode(&self.file_name, encoder);
        Field::encode(&self.content_type, encoder);
        Field::encode(&self.size, encoder);
        Field::encode(&self.sha256, encoder);
        Field::encode(&self.created_at, encoder);
    }

    fn decode<D: Decoder + ?Sized>(decoder: &mut D) -> Result<Self, D::Error> {
        let id = Field::decode(decoder);
        let file_name = Field::decode(decoder);
        let content_type = Field::decode(decoder);
        let size = Field::decode(decoder);
        let sha256 = Field::decode(decoder);
        let created_at = Field::decode(decoder);
        Ok(Self {
            id: id?,
            file_name: file_name?,
            content_type: content_type?,
            size: size?,
            sha256: sha256?,
            created_at: created_at?,
        })
    }
}
