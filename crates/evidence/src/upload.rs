//! Uploads: a file is stored first, and linked to a claim later.

use auth::AccountId;
use kernel::{Action, Change, Changeset, FieldValue, Id, Stored, Subject, WriteContext, WriteTimestamp};

use crate::{
    attachment::{AttachmentStatus, EvidenceAttachment},
    content::{ContentDamage, StoredContent},
    content_record::EvidenceContent,
    file::{ContentType, FileName, ObjectKey, Sha256},
};

const CREATED: Action = Action::new("evidence_attachment.created");
const REPLACED: Action = Action::new("evidence_content.replaced");

/// A file whose bytes are stored.
#[derive(Clone, Debug, PartialEq)]
pub struct NewAttachment {
    /// The name of the file.
    pub file_name: FileName,
    /// The media type of the file.
    pub content_type: ContentType,
    /// The bytes.
    pub content: StoredContent,
}

/// Records the upload of a file by an account. `content` is the record of the bytes with the same hash, if there is one.
/// It is written, too, even if it names the object of the file already: the removal of bytes that no attachment has any
/// more writes it as well, so only one of the two succeeds.
#[must_use]
pub fn upload(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    uploaded_by: AccountId,
    new: &NewAttachment,
    content: Option<&Stored<EvidenceContent>>,
) -> (Changeset, Stored<EvidenceAttachment>) {
    let timestamp = timestamp.after(content);
    let at = timestamp.at();
    let attachment = new_attachment(new, Some(uploaded_by));
    let attachment = Stored::new(context.organization.id, Id::new(context.entropy.ulid(at)), at, attachment);
    let mut changeset = context.begin(timestamp, CREATED, Some(Subject::from_id(attachment.meta.id)));
    changeset.set_changes(Change::between(None, &attachment.record));
    changeset.create(&attachment);
    changeset.change_usage(uploaded_by.ulid(), attachment.record.size);
    write_content(context, &mut changeset, &new.content, content);
    (changeset, attachment)
}

/// Returns an attachment that is not linked yet.
pub(crate) fn new_attachment(new: &NewAttachment, uploaded_by: Option<AccountId>) -> EvidenceAttachment {
    EvidenceAttachment {
        file_name: new.file_name.clone(),
        content_type: new.content_type.clone(),
        size: size(&new.content),
        sha256: sha256(&new.content),
        uploaded_by,
        claim_id: None,
        status: AttachmentStatus::Unlinked,
    }
}

/// Writes the record of these bytes, which an attachment is added for. `before` is the record with the same hash, if there
/// is one; the timestamp of the changeset must be after its last change. The organization has the bytes once, however many
/// attachments have them.
pub fn write_content(
    context: &WriteContext<'_>,
    changeset: &mut Changeset,
    content: &StoredContent,
    before: Option<&Stored<EvidenceContent>>,
) {
    let at = changeset.at();
    let record = EvidenceContent {
        key: sha256(content),
        object_key: Some(ObjectKey::trusted(&content.key.to_string())),
        size: size(content),
    };
    if before.is_none_or(|before| before.record.object_key.is_none()) {
        changeset.change_usage(context.organization.id.ulid(), record.size);
    }
    match before {
        Some(before) => changeset.update(before, &before.changed(at, record)),
        None => changeset.create(&Stored::new(context.organization.id, Id::new(context.entropy.ulid(at)), at, record)),
    }
}

/// Records that `content`, whose object has the same bytes, replaces the object that `before` names, because that one is
/// damaged. The changeset is one that adds an attachment with these bytes; all other attachments with them are mended, too.
pub fn record_replacement(
    context: &WriteContext<'_>,
    changeset: &mut Changeset,
    content: &StoredContent,
    before: &Stored<EvidenceContent>,
    damage: ContentDamage,
) {
    let text = |text: &str| FieldValue::Text(text.to_owned());
    let object = before.record.object_key.as_ref().map_or(FieldValue::Null, |key| text(key.as_str()));
    let changes = vec![
        Change { field: "object_key".into(), before: object, after: text(&content.key.to_string()) },
        Change { field: "damage".into(), before: FieldValue::Null, after: text(damage.name()) },
        Change { field: "sha256".into(), before: FieldValue::Null, after: text(before.record.key.as_str()) },
    ];
    changeset.add_entry(context.entropy, REPLACED, Some(Subject::from_id(before.meta.id)), changes);
}

impl EvidenceContent {
    /// Returns the object that has the bytes; `None` if they were removed.
    #[must_use]
    pub fn object(&self) -> Option<StoredContent> {
        let key = self.object_key.as_ref()?.as_str().parse().ok()?;
        Some(StoredContent { key, size: u64::try_from(self.size).ok()? })
    }
}

fn sha256(content: &StoredContent) -> Sha256 {
    Sha256::trusted(&content.key.hash.to_string())
}

fn size(content: &StoredContent) -> i64 {
    i64::try_from(content.size).unwrap_or(i64::MAX)
}
