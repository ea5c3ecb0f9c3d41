//! The removal of attachments that were not linked to a claim in time.

use kernel::{Action, Change, Changeset, Stored, Subject, WriteContext, WriteTimestamp};

use crate::{
    attachment::{AttachmentStatus, EvidenceAttachment},
    content::ContentKey,
    content_record::EvidenceContent,
};

const REMOVED: Action = Action::new("evidence_attachment.removed");

/// The removal of an attachment.
#[derive(Debug)]
pub struct Removal {
    /// The write.
    pub changeset: Changeset,
    /// The object that no record names any more after the write. It must not be removed before the commit.
    pub object: Option<ContentKey>,
}

/// Removes an attachment unless it is linked to a claim, or removed; returns `None` then. `content` is the record of its
/// bytes. If the attachment `is_last`, the only one with these bytes that is not removed, that record names no object any
/// more.
///
/// The record of the bytes is written in any case. Of an upload of the same bytes and of the removals of two attachments
/// with them, each of which would see the other attachment, only one succeeds, and the others are decided again.
#[must_use]
pub fn remove(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    attachment: &Stored<EvidenceAttachment>,
    content: Option<&Stored<EvidenceContent>>,
    is_last: bool,
) -> Option<Removal> {
    if attachment.record.status != AttachmentStatus::Unlinked {
        return None;
    }
    let timestamp = timestamp.after([attachment]).after(content);
    let at = timestamp.at();
    let removed = EvidenceAttachment { status: AttachmentStatus::Removed, ..attachment.record.clone() };
    let removed = attachment.changed(at, removed);
    let mut changeset = context.begin(timestamp, REMOVED, Some(Subject::from_id(attachment.meta.id)));
    changeset.set_changes(Change::between(Some(&attachment.record), &removed.record));
    changeset.update(attachment, &removed);
    if let Some(account) = attachment.record.uploaded_by {
        changeset.change_usage(account.ulid(), -attachment.record.size);
    }
    let mut object = None;
    if let Some(content) = content {
        let mut record = content.record.clone();
        if is_last {
            object = record.object().map(|object| object.key);
            if record.object_key.take().is_some() {
                changeset.change_usage(context.organization.id.ulid(), -record.size);
            }
        }
        changeset.update(content, &content.changed(at, record));
    }
    Some(Removal { changeset, object })
}

#[cfg(test)]
mod tests {
    use kernel::{Id, Record as _, Ulid};
    use write_harness::{NOW, WriteHarness};

    use super::*;

    fn attachment(harness: &WriteHarness, status: AttachmentStatus) -> Stored<EvidenceAttachment> {
        let uploaded_by = Some(Id::new(Ulid(9)));
        let record = EvidenceAttachment { status, uploaded_by, claim_id: None, ..EvidenceAttachment::example() };
        Stored::new(harness.organization.id, Id::new(Ulid(1)), NOW, record)
    }

    fn content(harness: &WriteHarness) -> Stored<EvidenceContent> {
        let key = ContentKey {
            organization: harness.organization.id,
            hash: crate::ContentHash([7; 32]),
            generation: Ulid(3),
        };
        let object_key = Some(crate::ObjectKey::parse(&key.to_string()).unwrap());
        let record = EvidenceContent { object_key, ..EvidenceContent::example() };
        Stored::new(harness.organization.id, Id::new(Ulid(2)), NOW, record)
    }

    fn written<R: kernel::Resource + Clone>(changeset: &Changeset, index: usize) -> R {
        let record: &dyn std::any::Any = changeset.writes()[index].record.as_any();
        record.downcast_ref::<R>().unwrap().clone()
    }

    fn usage(changeset: &Changeset) -> Vec<(Ulid, i64)> {
        changeset.usage().iter().map(|change| (change.holder, change.bytes)).collect()
    }

    #[test]
    fn the_last_attachment_takes_the_object_of_its_bytes_with_it() {
        let harness = WriteHarness::default();
        let (attachment, content) = (attachment(&harness, AttachmentStatus::Unlinked), content(&harness));
        let removal = remove(&harness.context(), harness.write_timestamp(), &attachment, Some(&content), true).unwrap();
        assert_eq!(removal.object, content.record.object().map(|object| object.key));
        assert!(removal.object.is_some());
        assert_eq!(written::<EvidenceAttachment>(&removal.changeset, 0).status, AttachmentStatus::Removed);
        assert_eq!(written::<EvidenceContent>(&removal.changeset, 1).object_key, None);
        let account = attachment.record.uploaded_by.unwrap();
        let mut freed =
            vec![(harness.organization.id.ulid(), -content.record.size), (account.ulid(), -attachment.record.size)];
        freed.sort_unstable();
        assert_eq!(usage(&removal.changeset), freed);
    }

    #[test]
    fn bytes_that_another_attachment_has_are_kept_but_their_record_is_written() {
        let harness = WriteHarness::default();
        let (attachment, content) = (attachment(&harness, AttachmentStatus::Unlinked), content(&harness));
        let removal =
            remove(&harness.context(), harness.write_timestamp(), &attachment, Some(&content), false).unwrap();
        assert_eq!(removal.object, None);
        assert_eq!(written::<EvidenceContent>(&removal.changeset, 1), content.record);
        assert_eq!(removal.changeset.writes()[1].expected, Some(content.meta.revision));
        let account = attachment.record.uploaded_by.unwrap();
        assert_eq!(usage(&removal.changeset), [(account.ulid(), -attachment.record.size)]);
    }

    #[test]
    fn an_attachment_that_is_linked_or_removed_stays_as_it_is() {
        let harness = WriteHarness::default();
        for status in [AttachmentStatus::Linked, AttachmentStatus::Removed] {
            let (attachment, content) = (attachment(&harness, status), content(&harness));
            let removal = remove(&harness.context(), harness.write_timestamp(), &attachment, Some(&content), true);
            assert!(removal.is_none(), "{status:?}");
        }
    }
}
