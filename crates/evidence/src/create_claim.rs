//! Creation of claims, with the files that are attached to them.

use std::collections::BTreeMap;

use auth::AccountId;
use kernel::{
    Action, Change, Changeset, Description, FieldError, GroupList, Id, Kind, Record as _, RecordKey, Reference, Stored,
    Subject, Timestamp, Title, WriteContext, WriteTimestamp,
};

use crate::{
    attached_file::AttachedFile,
    attachment::{AttachmentStatus, EvidenceAttachment},
    change::{ClaimChangeKind, EventRenderer, publish},
    claim::{ClaimSource, EvidenceClaim, EvidenceClaimStatus},
    content_record::EvidenceContent,
    error::EvidenceError,
    requirement::{EvidenceRequirement, EvidenceRequirementStatus},
    upload::{NewAttachment, new_attachment, write_content},
};

/// The most attachments of one claim.
pub const MAX_ATTACHMENTS: usize = 50;

/// The fields of a new claim.
#[derive(Clone, Debug, PartialEq)]
pub struct NewClaim {
    /// The key, unique in the organization.
    pub key: RecordKey,
    /// The title.
    pub title: Title,
    /// The description of the evidence.
    pub description: Option<Description>,
    /// The time from which the evidence is valid; the time of the creation if `None`.
    pub valid_from: Option<Timestamp>,
    /// The time at which it ceases to be valid.
    pub valid_until: Option<Timestamp>,
    /// The kind of source.
    pub source_kind: ClaimSource,
    /// The identifier of the evidence in the system that it comes from.
    pub source_reference: Option<Reference>,
}

/// The files of a new claim.
#[derive(Clone, Debug)]
pub enum ClaimFiles {
    /// Attachments that were uploaded before, in the order of the command; `None` for one that does not exist.
    Uploaded(Vec<Option<Stored<EvidenceAttachment>>>),
    /// Files whose bytes are stored, each with the record of the bytes with its hash, if there is one.
    New(Vec<(NewAttachment, Option<Stored<EvidenceContent>>)>),
}

impl ClaimFiles {
    /// Moves the timestamp after the last changes of the records that are changed with the creation of the claim.
    fn after_last_changes(&self, timestamp: WriteTimestamp) -> WriteTimestamp {
        match self {
            Self::Uploaded(attachments) => timestamp.after(attachments.iter().flatten()),
            Self::New(files) => timestamp.after(files.iter().filter_map(|(_, content)| content.as_ref())),
        }
    }
}

/// Creates a claim for a requirement, which must be in force until the commit. Only attachments that `account` uploaded,
/// and that no claim has yet, can be linked. Whether the key is unique is checked when the changeset is committed.
///
/// # Errors
/// [`EvidenceError`] if the requirement is not active, the validity ends before it begins or has ended, or attachments
/// can't be linked.
pub fn create_claim(
    context: &WriteContext<'_>,
    renderer: &dyn EventRenderer,
    timestamp: WriteTimestamp,
    account: Option<AccountId>,
    requirement: &Stored<EvidenceRequirement>,
    new: NewClaim,
    files: &ClaimFiles,
) -> Result<(Changeset, Stored<EvidenceClaim>), EvidenceError> {
    let timestamp = files.after_last_changes(timestamp);
    let at = timestamp.at();
    let valid_from = new.valid_from.unwrap_or(at);
    let claim = EvidenceClaim {
        evidence_requirement_id: requirement.meta.id,
        key: new.key,
        title: new.title,
        description: new.description,
        status: EvidenceClaimStatus::Pending,
        valid_from,
        valid_until: new.valid_until,
        source_kind: new.source_kind,
        source_reference: new.source_reference,
        attachments: GroupList::from_iter([]),
        reviewed_at: None,
        review_note: None,
    };
    check_validity(&claim, new.valid_from.is_some(), timestamp.clock())?;
    if requirement.record.status != EvidenceRequirementStatus::Active {
        return Err(EvidenceError::RequirementNotActive(requirement.record.status));
    }
    let linked = match files {
        ClaimFiles::Uploaded(attachments) => linkable(attachments, account)?,
        ClaimFiles::New(_) => Vec::new(),
    };
    let id = Id::new(context.entropy.ulid(at));
    let action = Action::on_record(Kind::EvidenceClaim, "created");
    let mut changeset = context.begin(timestamp, action, Some(Subject::from_id(id)));
    let attached = match files {
        ClaimFiles::Uploaded(_) => {
            linked.into_iter().map(|attachment| link(context, &mut changeset, attachment, id)).collect()
        }
        ClaimFiles::New(files) => add_files(context, &mut changeset, account, files, id),
    };
    let claim = EvidenceClaim { attachments: attached.iter().map(AttachedFile::from_attachment).collect(), ..claim };
    let claim = Stored::new(context.organization.id, id, at, claim);
    changeset.set_changes(Change::between(None, &claim.record));
    changeset.require_unchanged(requirement);
    changeset.create(&claim);
    publish(context, renderer, &mut changeset, &claim, ClaimChangeKind::Created);
    Ok((changeset, claim))
}

/// Checks the validity of a new claim. A beginning that the command does not state is now, and not what is wrong.
fn check_validity(claim: &EvidenceClaim, states_beginning: bool, now: Timestamp) -> Result<(), EvidenceError> {
    let implausible = claim.implausible();
    let errors: Vec<FieldError> = if states_beginning && !implausible.is_empty() {
        implausible.into_iter().map(|(column, message)| FieldError::new(column.name, message)).collect()
    } else if claim.valid_until.is_some_and(|until| until <= now) || !implausible.is_empty() {
        vec![FieldError::new("valid_until", "must be in the future: the claim would expire at once")]
    } else {
        return Ok(());
    };
    Err(EvidenceError::Invalid(errors))
}

/// Returns the attachments if the account may link all of them.
fn linkable(
    attachments: &[Option<Stored<EvidenceAttachment>>],
    account: Option<AccountId>,
) -> Result<Vec<&Stored<EvidenceAttachment>>, EvidenceError> {
    let is_own = |attachment: &&Stored<EvidenceAttachment>| {
        attachment.record.uploaded_by == account && attachment.record.status != AttachmentStatus::Removed
    };
    let own: Vec<_> = attachments.iter().map(|attachment| attachment.as_ref().filter(is_own)).collect();
    let unknown: Vec<usize> =
        own.iter().enumerate().filter_map(|(index, own)| own.is_none().then_some(index)).collect();
    if !unknown.is_empty() {
        return Err(EvidenceError::UnknownAttachments(unknown));
    }
    let own: Vec<_> = own.into_iter().flatten().collect();
    match own.iter().find(|attachment| attachment.record.status == AttachmentStatus::Linked) {
        Some(linked) => Err(EvidenceError::AttachmentLinked(linked.meta.id)),
        None => Ok(own),
    }
}

fn link(
    context: &WriteContext<'_>,
    changeset: &mut Changeset,
    attachment: &Stored<EvidenceAttachment>,
    claim: Id<EvidenceClaim>,
) -> Stored<EvidenceAttachment> {
    let record = attachment.record.clone().linked_to(claim);
    let linked = attachment.changed(changeset.at(), record);
    let action = Action::on_record(Kind::EvidenceAttachment, "linked");
    let changes = Change::between(Some(&attachment.record), &linked.record);
    changeset.add_entry(context.entropy, action, Some(Subject::from_id(linked.meta.id)), changes);
    changeset.update(attachment, &linked);
    if let Some(account) = attachment.record.uploaded_by {
        changeset.change_usage(account.ulid(), -attachment.record.size);
    }
    linked
}

/// Adds the files as attachments of the claim. The record of bytes that several of them have is written once.
fn add_files(
    context: &WriteContext<'_>,
    changeset: &mut Changeset,
    account: Option<AccountId>,
    files: &[(NewAttachment, Option<Stored<EvidenceContent>>)],
    claim: Id<EvidenceClaim>,
) -> Vec<Stored<EvidenceAttachment>> {
    let at = changeset.at();
    let attached: Vec<_> = files
        .iter()
        .map(|(file, _)| {
            let record = new_attachment(file, account).linked_to(claim);
            let attachment = Stored::new(context.organization.id, Id::new(context.entropy.ulid(at)), at, record);
            let action = Action::on_record(Kind::EvidenceAttachment, "created");
            let changes = Change::between(None, &attachment.record);
            changeset.add_entry(context.entropy, action, Some(Subject::from_id(attachment.meta.id)), changes);
            changeset.create(&attachment);
            attachment
        })
        .collect();
    let contents: BTreeMap<_, _> =
        files.iter().map(|(file, before)| (file.content.key.hash, (&file.content, before))).collect();
    for (content, before) in contents.into_values() {
        write_content(context, changeset, content, before.as_ref());
    }
    attached
}

impl EvidenceAttachment {
    fn linked_to(self, claim: Id<EvidenceClaim>) -> Self {
        Self { claim_id: Some(claim), status: AttachmentStatus::Linked, ..self }
    }
}
