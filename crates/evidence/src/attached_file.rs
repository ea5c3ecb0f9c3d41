//! The properties of an attachment as callers see them.

use kernel::{Column, Columns, Decoder, Encoder, Field, HasIdPrefix, Id, Timestamp};

use crate::file::{ContentType, FileName, Sha256};

/// The properties of an attachment as callers see them. A claim has a copy of those of its attachments, which never
/// changes.
#[derive(Clone, Debug, PartialEq)]
pub struct AttachedFile {
    /// The identifier of the attachment.
    pub id: Id<Self>,
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

impl HasIdPrefix for AttachedFile {
    const PREFIX: &'static str = "evatt";
}

impl Field for AttachedFile {
    const COLUMNS: Columns = Columns::EMPTY
        .with(Column::new::<Id<Self>>("id", false).described("The identifier of the attachment."))
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
