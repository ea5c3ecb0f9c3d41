use evidence::{
    AttachedFile, AttachmentStatus, ClaimFiles, ClaimSource, EvidenceAttachment, EvidenceClaim, EvidenceClaimStatus,
    EvidenceContent, EvidenceError, EvidenceRequirementStatus, NewClaim, create_claim, upload,
};
use kernel::{Changeset, FieldError, FieldValue, Kind, Revision, Stored, Subject, Ulid};
use write_harness::{NOW, WriteHarness, audit_actions, published};

use crate::harness::{
    StatusRenderer, account, attachment, create, file, new_claim, no_files, requirement, stored, time,
};

fn written<R: kernel::Resource>(changeset: &Changeset) -> Vec<(R, Option<Revision>)> {
    let of_kind = |write: &kernel::Write| Some((write.record.as_any().downcast_ref::<R>()?.clone(), write.expected));
    changeset.writes().iter().filter_map(of_kind).collect()
}

#[test]
fn a_claim_is_pending_and_valid_from_its_creation_unless_another_time_is_given() {
    let harness = WriteHarness::default();
    let (changeset, claim) = create(&harness, new_claim(), &no_files()).unwrap();
    assert_eq!((claim.record.status, claim.record.valid_from), (EvidenceClaimStatus::Pending, NOW));
    assert_eq!((claim.record.source_kind, claim.record.reviewed_at), (ClaimSource::Integration, None));
    assert!(claim.record.attachments.is_empty());
    assert_eq!(published(&changeset), ["evidence.claim.created pending"]);
    assert_eq!(audit_actions(&changeset), ["evidence_claim.created"]);
    assert_eq!(changeset.entries()[0].subject, Some(Subject::from_id(claim.meta.id)));
    let new = NewClaim { valid_from: Some(time(-9)), valid_until: Some(time(9)), ..new_claim() };
    let (_, claim) = create(&harness, new, &no_files()).unwrap();
    assert_eq!((claim.record.valid_from, claim.record.valid_until), (time(-9), Some(time(9))));
}

fn usage(changeset: &Changeset) -> Vec<(Ulid, i64)> {
    changeset.usage().iter().map(|change| (change.holder, change.bytes)).collect()
}

#[test]
fn a_requirement_must_be_active_until_the_commit() {
    let harness = WriteHarness::default();
    for status in EvidenceRequirementStatus::ALL {
        let requirement = requirement(&harness, *status);
        let outcome = create_claim(
            &harness.context(),
            &StatusRenderer,
            harness.write_timestamp(),
            Some(account(1)),
            &requirement,
            new_claim(),
            &no_files(),
        );
        if *status == EvidenceRequirementStatus::Active {
            let unchanged = (Kind::EvidenceRequirement, requirement.meta.ulid(), requirement.meta.revision);
            assert_eq!(outcome.unwrap().0.preconditions(), [unchanged]);
        } else {
            assert_eq!(outcome.unwrap_err(), EvidenceError::RequirementNotActive(*status));
        }
    }
}

#[test]
fn the_validity_must_end_after_it_begins_and_in_the_future() {
    let harness = WriteHarness::default();
    for (valid_from, valid_until, message) in [
        (Some(time(5)), time(5), Some("must be after the beginning of the validity")),
        (Some(time(5)), time(4), Some("must be after the beginning of the validity")),
        (None, time(0), Some("must be in the future: the claim would expire at once")),
        (None, time(-5), Some("must be in the future: the claim would expire at once")),
        (Some(time(-5)), time(-6), Some("must be after the beginning of the validity")),
        (Some(time(-5)), time(0), Some("must be in the future: the claim would expire at once")),
        (Some(time(-5)), time(1), None),
        (Some(time(5)), time(6), None),
    ] {
        let new = NewClaim { valid_from, valid_until: Some(valid_until), ..new_claim() };
        let error = create(&harness, new, &no_files()).err();
        let expected = message.map(|message| EvidenceError::Invalid(vec![FieldError::new("valid_until", message)]));
        assert_eq!(error, expected, "{valid_from:?} to {valid_until:?}");
    }
}

#[test]
fn uploaded_attachments_are_linked_in_the_order_of_the_command() {
    let harness = WriteHarness::default();
    let attachments = [(); 3].map(|()| attachment(&harness, AttachmentStatus::Unlinked));
    let files = ClaimFiles::Uploaded(attachments.iter().cloned().map(Some).collect());
    let (changeset, claim) = create(&harness, new_claim(), &files).unwrap();
    let expected: Vec<_> = attachments.iter().map(AttachedFile::from_attachment).collect();
    assert_eq!(claim.record.attachments.iter().collect::<Vec<_>>(), expected);
    assert_eq!(claim.record.attachments.len(), 3);
    let linked = written::<EvidenceAttachment>(&changeset);
    for ((record, expected), before) in linked.iter().zip(&attachments) {
        assert_eq!((record.status, record.claim_id), (AttachmentStatus::Linked, Some(claim.meta.id)));
        assert_eq!(*expected, Some(before.meta.revision), "another claim may link it at the same time");
    }
    let link = "evidence_attachment.linked";
    assert_eq!(audit_actions(&changeset), ["evidence_claim.created", link, link, link]);
    assert_eq!(changeset.entries()[2].subject, Some(Subject::from_id(attachments[1].meta.id)));
    let changed = changeset.entries()[0].changes.iter().find(|change| change.field == "attachments").unwrap();
    let FieldValue::Texts(lines) = &changed.after else { panic!("{changed:?}") };
    assert!(lines[0].starts_with(&attachments[0].meta.id.to_string()) && lines[0].contains("9f86d081"), "{lines:?}");
}

#[test]
fn attachments_that_are_absent_removed_or_uploaded_by_others_are_refused_alike() {
    let harness = WriteHarness::default();
    let own = attachment(&harness, AttachmentStatus::Unlinked);
    let removed = attachment(&harness, AttachmentStatus::Removed);
    let mut of_another = own.clone();
    of_another.record.uploaded_by = Some(account(2));
    let mut of_operator = own.clone();
    of_operator.record.uploaded_by = None;
    let files = [Some(own), None, Some(removed), Some(of_another), Some(of_operator)];
    let error = create(&harness, new_claim(), &ClaimFiles::Uploaded(files.into())).unwrap_err();
    assert_eq!(error, EvidenceError::UnknownAttachments(vec![1, 2, 3, 4]));
}

#[test]
fn an_attachment_is_linked_only_once() {
    let harness = WriteHarness::default();
    let linked = attachment(&harness, AttachmentStatus::Linked);
    let files =
        ClaimFiles::Uploaded(vec![Some(attachment(&harness, AttachmentStatus::Unlinked)), Some(linked.clone())]);
    let error = create(&harness, new_claim(), &files).unwrap_err();
    assert_eq!(error, EvidenceError::AttachmentLinked(linked.meta.id));
}

#[test]
fn files_that_come_with_the_claim_are_attached_and_their_contents_written_once() {
    let harness = WriteHarness::default();
    let existing = EvidenceContent { object_key: None, ..content(&file(&harness, 2, 20)) };
    let existing = stored(&harness, existing);
    let files = ClaimFiles::New(vec![
        (file(&harness, 1, 10), None),
        (file(&harness, 2, 21), Some(existing.clone())),
        (file(&harness, 1, 10), None),
    ]);
    let (changeset, claim) = create(&harness, new_claim(), &files).unwrap();
    let attached: Vec<_> = claim.record.attachments.iter().collect();
    let hashes: Vec<_> = attached.iter().map(|file| file.sha256.as_str().get(..2).unwrap()).collect();
    assert_eq!(hashes, ["01", "02", "01"]);
    assert!(written::<EvidenceAttachment>(&changeset).iter().all(|(record, expected)| {
        expected.is_none() && record.claim_id == Some(claim.meta.id) && record.uploaded_by == Some(account(1))
    }));
    let contents = written::<EvidenceContent>(&changeset);
    assert_eq!(contents.len(), 2);
    assert_eq!((contents[0].0.clone(), contents[0].1), (content(&file(&harness, 1, 10)), None));
    assert_eq!((contents[1].0.clone(), contents[1].1), (content(&file(&harness, 2, 21)), Some(existing.meta.revision)));
    let created = "evidence_attachment.created";
    assert_eq!(audit_actions(&changeset), ["evidence_claim.created", created, created, created]);
    // Two contents of 7 bytes each, and nothing that is not linked.
    assert_eq!(usage(&changeset), [(harness.organization.id.ulid(), 14)]);
}

fn content(file: &evidence::NewAttachment) -> EvidenceContent {
    EvidenceContent {
        key: kernel::Text::parse(&file.content.key.hash.to_string()).unwrap(),
        object_key: Some(kernel::Text::parse(&file.content.key.to_string()).unwrap()),
        size: 7,
    }
}

#[test]
fn a_content_is_written_under_its_revision_even_if_it_names_the_object_already() {
    let harness = WriteHarness::default();
    let file = file(&harness, 1, 10);
    let existing: Stored<EvidenceContent> = stored(&harness, content(&file));
    assert_eq!(existing.record.object(), Some(file.content.clone()));
    let (changeset, attachment) =
        upload(&harness.context(), harness.write_timestamp(), account(3), &file, Some(&existing));
    assert_eq!(written::<EvidenceContent>(&changeset), [(content(&file), Some(existing.meta.revision))]);
    assert_eq!(
        (attachment.record.status, attachment.record.uploaded_by),
        (AttachmentStatus::Unlinked, Some(account(3)))
    );
    assert_eq!(audit_actions(&changeset), ["evidence_attachment.created"]);
    let claims = written::<EvidenceClaim>(&changeset);
    assert!(claims.is_empty());
    // The organization has the bytes already, but the account has another attachment with them.
    assert_eq!(usage(&changeset), [(account(3).ulid(), 7)]);
}

#[test]
fn what_an_account_has_without_a_claim_grows_by_its_uploads_and_shrinks_by_its_links() {
    let harness = WriteHarness::default();
    let organization = harness.organization.id.ulid();
    let (uploaded, _) = upload(&harness.context(), harness.write_timestamp(), account(1), &file(&harness, 1, 10), None);
    let mut added = [(organization, 7), (account(1).ulid(), 7)];
    added.sort_unstable();
    assert_eq!(usage(&uploaded), added);
    let attachments = [1, 2].map(|_| attachment(&harness, AttachmentStatus::Unlinked));
    let size = attachments[0].record.size;
    let files = ClaimFiles::Uploaded(attachments.map(Some).into());
    let (linked, _) = create(&harness, new_claim(), &files).unwrap();
    assert_eq!(usage(&linked), [(account(1).ulid(), -2 * size)]);
}
