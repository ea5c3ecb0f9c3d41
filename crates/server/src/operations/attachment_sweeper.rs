//! The removal of attachments that were not linked to a claim in time, and of objects that no record names.
//!
//! An attachment is removed in this order: its record and that of its bytes in one write, then the object. A process that
//! is killed in between leaves an object that no record names, never a record whose object is missing. Such objects are
//! found by listing the store; they are removed once they are so old that no upload can be about to name them.
//!
//! The audit log of their organization has two entries of them: that they were found, before an attempt, and that they
//! were removed, after it. No transaction covers the log and the store, so a kill between a removal and the second entry
//! loses that entry; the first one names the object. An object that can't be removed stops no other one, and is tried
//! again at growing intervals.

mod pending;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use evidence::{
    AttachmentStatus, ContentError, ContentKey, ContentStore, EvidenceAttachment, EvidenceContent, ListedObject,
    ObjectName, remove,
};
use kernel::{
    Action, Actor, ActorKind, Attribution, Change, Clock, CommitError, Entropy, FieldValue, Filter, Id, Organization,
    OrganizationId, OrganizationRef, PageLimit, PageRequest, Reader, StoreError, Stored, Timestamp, WriteContext,
};
use store::{DynStore, Lease};

use crate::compose::{Installation, SERVER, command_origin};
use pending::{PendingRemovals, content_keys};

/// The time within which an attachment must be linked to a claim (contract v1, resources: evidence).
const LINK_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// The age from which on no upload can be about to name an object.
const MIN_OBJECT_AGE: Duration = Duration::from_secs(48 * 60 * 60);

/// The time from the end of one listing of the store to the start of the next.
const LISTING_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// Maximum number of attachments removed in one run.
const MAX_ATTACHMENTS: usize = 500;

/// Number of objects listed at a time.
const LISTED_OBJECTS: usize = 500;

/// Maximum number of such lists in one run.
const MAX_LISTS: usize = 4;

/// Maximum number of removals that fail in one run, each of which may take as long as a bucket lets a call wait.
const MAX_FAILURES: usize = 10;

/// Maximum number of objects that an entry of the audit log names.
const MAX_RECORDED: usize = 500;

/// Maximum number of tries of a write that conflicts with concurrent uploads of the same bytes.
const MAX_ATTEMPTS: u32 = 10;

/// Duration of the lease. It only saves work: two sweepers at the same time remove nothing that one of them would not.
const LEASE_DURATION: Duration = Duration::from_secs(3 * 60);

const OBJECTS_FOUND: Action = Action::new("evidence_content.unnamed_objects_found");
const OBJECTS_REMOVED: Action = Action::new("evidence_content.unnamed_objects_removed");

/// Sweeps the attachments of all organizations while it owns the lease.
pub(crate) struct AttachmentSweeper {
    store: Arc<DynStore>,
    contents: Arc<dyn ContentStore>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    owner: String,
    listing: Listing,
    pending: PendingRemovals,
}

/// The progress of listing the store.
enum Listing {
    /// The objects after this one are next, or all.
    After(Option<ObjectName>),
    /// The listing has ended, and the next one starts at this time.
    DoneUntil(Timestamp),
}

/// The numbers of what one run has removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SweepSummary {
    /// Attachments that were not linked.
    pub(crate) attachments: usize,
    /// Objects that no record names.
    pub(crate) objects: usize,
    /// Uploads that were cut off.
    pub(crate) uploads: usize,
}

/// The attachments that one run has removed.
#[derive(Default)]
struct RemovedAttachments {
    count: usize,
    /// The objects that no record names any more, and that could not be removed.
    failed: Vec<(ObjectName, ContentError)>,
}

/// The failure of a run. The next one continues.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SweepError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A write failed.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The store of attachments failed.
    #[error(transparent)]
    Contents(#[from] ContentError),
}

impl AttachmentSweeper {
    /// Creates a sweeper of this installation, which removes objects from `contents`.
    pub(crate) fn new(installation: &Installation, contents: Arc<dyn ContentStore>) -> Self {
        Self {
            store: Arc::clone(&installation.store),
            contents,
            clock: Arc::clone(&installation.clock),
            entropy: Arc::clone(&installation.entropy),
            owner: installation.entropy.ulid(installation.clock.now()).to_string(),
            listing: Listing::After(None),
            pending: PendingRemovals::default(),
        }
    }

    /// Removes a bounded number of attachments and objects, unless another process owns the lease.
    ///
    /// # Errors
    /// [`SweepError`] after which the next run continues.
    pub(crate) async fn run_once(&mut self) -> Result<SweepSummary, SweepError> {
        let now = self.clock.now();
        if !self.store.acquire_lease(Lease::AttachmentSweep, &self.owner, now, LEASE_DURATION).await? {
            self.pending.forget_due();
            return Ok(SweepSummary::default());
        }
        let RemovedAttachments { count, failed } = self.remove_unlinked(now).await?;
        for (name, error) in failed {
            self.pending.add(name, now);
            self.pending.failed(&name, now, &error);
        }
        let mut summary = SweepSummary { attachments: count, ..SweepSummary::default() };
        for _ in 0..MAX_LISTS {
            let after = match self.listing {
                // A clock that was ahead must not stop the listings for long.
                Listing::DoneUntil(until) if now < until && until <= now + LISTING_INTERVAL => break,
                Listing::DoneUntil(_) => None,
                Listing::After(after) => after,
            };
            let listed = self.contents.list(after.as_ref(), LISTED_OBJECTS).await?;
            let Some(last) = listed.last() else {
                self.listing = Listing::DoneUntil(now + LISTING_INTERVAL);
                break;
            };
            let last = last.name;
            self.find_unnamed(&listed, now).await?;
            self.listing = Listing::After(Some(last));
        }
        self.remove_pending(now, &mut summary).await;
        self.record_removals(&mut summary).await?;
        Ok(summary)
    }

    /// Removes attachments that were not linked in time.
    async fn remove_unlinked(&self, now: Timestamp) -> Result<RemovedAttachments, SweepError> {
        let due = self.store.unlinked_attachments(now - LINK_TIMEOUT, MAX_ATTACHMENTS).await?;
        let mut removed = RemovedAttachments::default();
        for (organization, id) in due {
            if removed.failed.len() == MAX_FAILURES {
                break;
            }
            self.remove_attachment(organization, id, &mut removed).await?;
        }
        Ok(removed)
    }

    /// Removes an attachment, unless it was linked or removed meanwhile, or other processes keep changing its content.
    async fn remove_attachment(
        &self,
        organization: OrganizationId,
        id: Id<EvidenceAttachment>,
        removed: &mut RemovedAttachments,
    ) -> Result<(), SweepError> {
        let Some(organization) = self.organization(organization).await? else { return Ok(()) };
        let attribution = self.attribution();
        for _ in 0..MAX_ATTEMPTS {
            let timestamp = self.store.begin_write();
            let attachment = Reader::<EvidenceAttachment>::get(&*self.store, organization.id, id).await?;
            let Some(attachment) = attachment else { return Ok(()) };
            let content = self.content(&attachment).await?;
            let is_last = !self.has_other(&attachment).await?;
            let context = self.context(&organization, &attribution);
            let Some(removal) = remove(&context, timestamp, &attachment, content.as_ref(), is_last) else {
                return Ok(());
            };
            match self.store.commit(removal.changeset).await {
                Err(CommitError::Conflict(_)) => {}
                committed => {
                    committed?;
                    removed.count += 1;
                    let name = removal.object.map(ObjectName::from);
                    if let Some(name) = name
                        && let Err(error) = self.contents.remove(&name).await
                    {
                        removed.failed.push((name, error));
                    }
                    return Ok(());
                }
            }
        }
        // Left to the next run.
        Ok(())
    }

    /// Returns the record of the attachment's bytes.
    async fn content(
        &self,
        attachment: &Stored<EvidenceAttachment>,
    ) -> Result<Option<Stored<EvidenceContent>>, StoreError> {
        let keys = [attachment.record.sha256.as_str()];
        let found = Reader::<EvidenceContent>::get_by_keys(&*self.store, attachment.meta.organization, &keys).await?;
        Ok(found.into_iter().next())
    }

    /// Whether another attachment that is not removed has the same bytes.
    async fn has_other(&self, attachment: &Stored<EvidenceAttachment>) -> Result<bool, StoreError> {
        let filter = Filter::<EvidenceAttachment>::default()
            .with("sha256", [attachment.record.sha256.clone()])
            .with("status", [AttachmentStatus::Unlinked, AttachmentStatus::Linked]);
        let mut request = PageRequest { limit: PageLimit::clamped(2), ..PageRequest::default() };
        loop {
            let page =
                Reader::<EvidenceAttachment>::list(&*self.store, attachment.meta.organization, &filter, &request)
                    .await?;
            if page.items.iter().any(|other| other.meta.id != attachment.meta.id) {
                return Ok(true);
            }
            if page.next.is_none() {
                return Ok(false);
            }
            request.after = page.next;
        }
    }

    /// Finds those of the listed objects that are old and that no record names, and records them.
    async fn find_unnamed(&mut self, listed: &[ListedObject], now: Timestamp) -> Result<(), SweepError> {
        let oldest = now - MIN_OBJECT_AGE;
        let old = listed.iter().filter(|object| object.modified_at < oldest).map(|object| object.name);
        let old: Vec<ObjectName> = old.filter(|name| !self.pending.contains(name)).collect();
        for (organization, keys) in content_keys(&old) {
            let unnamed = self.unnamed(organization, &keys).await?;
            if unnamed.is_empty() {
                continue;
            }
            let Some(organization) = self.organization(organization).await? else {
                tracing::warn!(
                    %organization,
                    "the store of attachments has objects of an organization that this installation does not have; they are left"
                );
                continue;
            };
            self.record(OBJECTS_FOUND, &organization, &unnamed).await?;
            for key in unnamed {
                self.pending.add(key.into(), now);
            }
        }
        for name in old.into_iter().filter(|name| matches!(name, ObjectName::Upload(..))) {
            self.pending.add(name, now);
        }
        Ok(())
    }

    /// Removes the objects that are due, whichever of them can't be removed.
    async fn remove_pending(&mut self, now: Timestamp, summary: &mut SweepSummary) {
        let mut failures = 0;
        for name in self.pending.due(now) {
            if failures == MAX_FAILURES {
                break;
            }
            match (self.contents.remove(&name).await, name) {
                (Err(error), _) => {
                    failures += 1;
                    self.pending.failed(&name, now, &error);
                }
                (Ok(()), ObjectName::Content(_)) => self.pending.removed(&name),
                (Ok(()), ObjectName::Upload(..)) => {
                    tracing::info!(upload = %name, "removed an upload that was cut off");
                    self.pending.forget(&name);
                    summary.uploads += 1;
                }
            }
        }
    }

    /// Records the removals that are not recorded yet.
    async fn record_removals(&mut self, summary: &mut SweepSummary) -> Result<(), SweepError> {
        for (organization, keys) in self.pending.unrecorded() {
            let Some(organization) = self.organization(organization).await? else { continue };
            for keys in keys.chunks(MAX_RECORDED) {
                self.record(OBJECTS_REMOVED, &organization, keys).await?;
                for key in keys {
                    self.pending.forget(&(*key).into());
                    summary.objects += 1;
                }
            }
        }
        Ok(())
    }

    /// Returns those of the keys, at most 500, that no record of the organization names.
    async fn unnamed(&self, organization: OrganizationId, keys: &[ContentKey]) -> Result<Vec<ContentKey>, StoreError> {
        let hashes: BTreeSet<String> = keys.iter().map(|key| key.hash.to_string()).collect();
        let hashes: Vec<&str> = hashes.iter().map(String::as_str).collect();
        let contents = Reader::<EvidenceContent>::get_by_keys(&*self.store, organization, &hashes).await?;
        let named: BTreeSet<String> = contents
            .into_iter()
            .filter_map(|content| content.record.object_key)
            .map(|key| key.as_str().to_owned())
            .collect();
        Ok(keys.iter().filter(|key| !named.contains(&key.to_string())).copied().collect())
    }

    /// Records what happened to objects in the audit log of their organization.
    async fn record(
        &self,
        action: Action,
        organization: &OrganizationRef,
        objects: &[ContentKey],
    ) -> Result<(), SweepError> {
        let attribution = self.attribution();
        let context = self.context(organization, &attribution);
        let mut changeset = context.begin(self.store.begin_write(), action.clone(), None);
        let names = FieldValue::Texts(objects.iter().map(ToString::to_string).collect());
        let (before, after) =
            if action == OBJECTS_REMOVED { (names, FieldValue::Null) } else { (FieldValue::Null, names) };
        changeset.set_changes(vec![Change { field: "object_keys".into(), before, after }]);
        Ok(self.store.commit(changeset).await?)
    }

    async fn organization(&self, id: OrganizationId) -> Result<Option<OrganizationRef>, StoreError> {
        let organization = Reader::<Organization>::get(&*self.store, id, id).await?;
        Ok(organization.as_ref().map(OrganizationRef::from))
    }

    fn attribution(&self) -> Attribution {
        Attribution {
            actor: Actor { kind: ActorKind::System, id: None, name: SERVER.into() },
            origin: command_origin(&*self.entropy, self.clock.now(), "serve"),
            actor_revision: None,
        }
    }

    fn context<'a>(&'a self, organization: &'a OrganizationRef, attribution: &'a Attribution) -> WriteContext<'a> {
        WriteContext { organization, attribution, reason: None, entropy: &*self.entropy }
    }
}
