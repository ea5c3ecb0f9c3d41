//! The archiver: the bodies of old segments move to objects of an archive. An object has the segments of one tile of the
//! tree. It is written, read again and compared before the bodies are deleted, so it may be killed anywhere: the next one
//! writes the same object again.

mod group;
mod removed;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use audit::{
    ArchiveObjects, AuditTables, ObjectKey, RowKey,
    tables::{Archival, StoredHead},
};
use audit_runs::ArchiveObject;
use kernel::{Clock, OrganizationId, StoreError, Timestamp};
use tokio::time::timeout;

use crate::{
    damage::{ChainFailure, Damage},
    lease_owner::LeaseOwner,
    log::StoredLog,
    log_signer::LogSigner,
    resting::Resting,
};

use group::Group;

/// Interval of looking at all chains.
const LOOK_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// The maximum time in which an object is written or read.
const TIMEOUT: Duration = Duration::from_secs(120);

/// The maximum number of chains that one run looks at.
const MAX_CHAINS: usize = 64;

/// Moves the bodies of old segments to an archive.
pub struct Archiver {
    tables: Arc<dyn AuditTables>,
    objects: Arc<dyn ArchiveObjects>,
    clock: Arc<dyn Clock>,
    /// `None` for a command: what is stored does not depend on who stores it.
    lease: Option<LeaseOwner>,
    /// The logs, whose entries record what was removed of them.
    log: StoredLog,
    /// Makes the notes of objects from the signatures of heads.
    signer: Option<LogSigner>,
    /// The age from which on entries are archived.
    after: Duration,
    chains: VecDeque<OrganizationId>,
    looks_at: Timestamp,
    /// The sequences before which all segments of chains are archived.
    archived: BTreeMap<OrganizationId, i64>,
    /// The sequences up to which the objects of removed entries were removed.
    cleaned: BTreeMap<OrganizationId, i64>,
    resting: Resting,
}

/// The result of one run of the archiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Archived {
    /// There was nothing to archive in the chains that the run looked at.
    Nothing,
    /// The bodies of segments were moved to this object.
    Object(ObjectKey),
    /// Entries are not as they were sealed, or the archive has something else in the place of an object: the chain is left
    /// as it is, and tried again after an hour.
    Damaged(Damage),
    /// Another process holds the lease, or has changed the chain at the same time.
    Refused,
}

impl Archiver {
    /// Creates an archiver of entries that are older than `after`, in an installation with this key of rows.
    #[must_use]
    pub fn new(
        (tables, objects): (Arc<dyn AuditTables>, Arc<dyn ArchiveObjects>),
        clock: Arc<dyn Clock>,
        lease: Option<LeaseOwner>,
        (rows, signer): (Arc<dyn RowKey>, Option<LogSigner>),
        after: Duration,
    ) -> Self {
        let log = StoredLog::new(Arc::clone(&tables));
        log.set_key(rows);
        Self {
            log,
            tables,
            objects,
            looks_at: clock.now(),
            clock,
            lease,
            signer,
            after,
            chains: VecDeque::new(),
            archived: BTreeMap::new(),
            cleaned: BTreeMap::new(),
            resting: Resting::default(),
        }
    }

    /// Returns whether a run may find something at once.
    #[must_use]
    pub fn is_due(&self) -> bool {
        let now = self.clock.now();
        !self.chains.is_empty() || now >= self.looks_at || self.looks_at > now + LOOK_INTERVAL
    }

    /// Archives at most one object, and removes objects whose entries were removed.
    ///
    /// # Errors
    /// [`StoreError`] if the store or the archive fails. What was due is still due then.
    pub async fn run_once(&mut self) -> Result<Archived, StoreError> {
        let now = self.clock.now();
        self.resting.take_rested(now);
        if self.chains.is_empty() && self.is_due() {
            self.chains = self.tables.organizations().await?.into();
            self.looks_at = now + LOOK_INTERVAL;
        }
        for _ in 0..MAX_CHAINS {
            let Some(organization) = self.chains.front().copied() else { break };
            let outcome = if self.resting.contains(organization) {
                Ok(Archived::Nothing)
            } else {
                self.archive_chain(organization, now).await
            };
            // Only now: if this future is dropped before, the chain is still due.
            self.chains.pop_front();
            match outcome {
                Ok(Archived::Nothing) => {}
                Ok(archived) => {
                    self.chains.push_back(organization);
                    return Ok(archived);
                }
                Err(ChainFailure::Damage(damage)) => {
                    tracing::error!(%organization, %damage, "a chain of the audit log can't be archived; trying again in 1 h");
                    self.resting.add(organization, now);
                    return Ok(Archived::Damaged(damage));
                }
                Err(ChainFailure::Store(error)) => {
                    self.chains.push_back(organization);
                    return Err(error);
                }
            }
        }
        Ok(Archived::Nothing)
    }

    async fn archive_chain(&mut self, organization: OrganizationId, now: Timestamp) -> Result<Archived, ChainFailure> {
        let heads = self.tables.heads(&[organization]).await?;
        let Some(head) = heads.into_iter().next().filter(|head| head.old_through == 0 && head.tree.is_some()) else {
            return Ok(Archived::Nothing);
        };
        self.remove_objects(&head).await?;
        let from = self.archived.get(&organization).copied().unwrap_or(0).max(head.removed.sequence) + 1;
        let (through, group) = Group::find(&*self.tables, organization, from).await?;
        self.archived.insert(organization, through);
        let Some(group) = group else { return Ok(Archived::Nothing) };
        let due_at = group.newest() + self.after;
        if due_at > now {
            self.looks_at = self.looks_at.min(due_at);
            return Ok(Archived::Nothing);
        }
        self.archive_group(&head, group).await
    }

    async fn archive_group(&self, head: &StoredHead, group: Group) -> Result<Archived, ChainFailure> {
        let key = group.key();
        let Some(content) = group.read(&*self.tables).await? else { return Ok(Archived::Refused) };
        let note = self.note(head);
        // Hashing a tile takes a third of a second.
        let encoded =
            tokio::task::spawn_blocking(move || content.encode(note.as_deref()).map(|bytes| (bytes, content)));
        let (bytes, content) = encoded.await.map_err(|error| StoreError::Unavailable(error.into()))??;
        let name = key.name();
        limited(self.objects.write(&name, bytes)).await?;
        let read = limited(self.objects.read(&name, 0..ArchiveObject::MAX_LENGTH as u64)).await?;
        let segments = content.compare(read.as_deref())?;
        let archival = Archival {
            lease: self.lease.as_ref().map(|lease| lease.hold(self.clock.now())),
            organization: key.organization,
            object: name,
            segments,
        };
        let is_stored = self.tables.archive(&archival).await?;
        Ok(if is_stored { Archived::Object(key) } else { Archived::Refused })
    }

    /// The signed head, if its signature is that of the present name of the log.
    fn note(&self, head: &StoredHead) -> Option<String> {
        let (signer, tree) = (self.signer.as_ref()?, head.tree.as_ref()?);
        let signature = head.signed?.note?;
        signer.note(head.organization, tree.size(), tree.root(), &signature)
    }
}

/// Runs a call of the archive, which may not take longer than [`TIMEOUT`].
async fn limited<T>(call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let away = |_| StoreError::Unavailable("the archive of the audit log does not answer".into());
    timeout(TIMEOUT, call).await.map_err(away)?
}
