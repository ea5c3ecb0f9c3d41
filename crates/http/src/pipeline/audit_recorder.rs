//! Audit entries of requests that change nothing: reads, refusals and replays (contract v1 § 8).

use std::{
    collections::HashMap,
    mem,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use auth::AccountId;
use kernel::{
    Action, Actor, ActorKind, Change, Entry, FieldValue, Id, OrganizationId, Origin, StoreError, Subject, Timestamp,
    WriteTimestamp,
};
use limits::Peer;
use store::DynStore;
use tokio::{
    sync::{
        Mutex as AsyncMutex,
        mpsc::{self, error::TrySendError},
    },
    time::sleep,
};

use super::services::Services;
use crate::request::CachedAccount;

/// The time in which identical 429 responses share one audit entry.
const REFUSAL_WINDOW: Duration = Duration::from_secs(60);
/// The maximum number of distinct kinds of 429 responses that are counted at a time.
const MAX_COUNTED_KINDS: usize = 5000;
/// The maximum number of buffered entries with `NOVANTRA_AUDIT_READS=buffered`. If the buffer is full, requests wait
/// for the store as with `durable`.
const MAX_BUFFERED: usize = 10_000;
/// The time that the first buffered entry waits for others, so that many entries share the cost of a transaction.
const BATCH_DELAY: Duration = Duration::from_millis(50);
/// The maximum number of buffered entries that are stored at once.
const MAX_BATCH_SIZE: usize = 1024;

/// The recorder of the audit entries of requests that change nothing.
pub(crate) struct AuditRecorder {
    buffer: Option<EntryBuffer>,
    counted: Mutex<HashMap<RefusalKey, RefusalCount>>,
}

/// The key of refusals that can share one audit entry. It contains the address, so that refused requests of a stranger,
/// who only knows an account's client id, have entries of their own.
#[derive(Clone, PartialEq, Eq, Hash)]
struct RefusalKey {
    account: AccountId,
    peer: Option<Peer>,
    action: Action,
}

impl RefusalKey {
    fn new(account: AccountId, note: &AuditNote) -> Self {
        let address = note.origin.source_address.as_deref().and_then(|address| address.parse::<IpAddr>().ok());
        Self { account, peer: address.map(Peer::from), action: note.action.clone() }
    }
}

/// The number of refusals since the last audit entry about them.
#[derive(Clone)]
struct RefusalCount {
    identity: (OrganizationId, Actor),
    origin: Origin,
    since: Timestamp,
    count: i64,
}

/// An entry that waits to be stored, with its timestamp, which counts as in flight until the entry is stored.
type BufferedEntry = (Entry, WriteTimestamp);

/// The buffer of entries, and the task that stores them.
struct EntryBuffer {
    sender: Mutex<Option<mpsc::Sender<BufferedEntry>>>,
    writer: AsyncMutex<Option<tokio::task::JoinHandle<()>>>,
}

/// The data of an audit entry that depends on the request.
pub struct AuditNote {
    /// The action.
    pub action: Action,
    /// The record that the request is about.
    pub subject: Option<Subject>,
    /// The origin of the request.
    pub origin: Origin,
    /// The HTTP status of the response.
    pub status: u16,
    /// The changes. A request that changes nothing can still have the number of requests that the entry stands for.
    pub changes: Vec<Change>,
}

impl AuditRecorder {
    pub(crate) fn new(services: &Services) -> Self {
        let buffer = (!services.settings.durable_read_audit).then(|| EntryBuffer::new(Arc::clone(&services.store)));
        Self { buffer, counted: Mutex::default() }
    }

    /// Records a request. When this returns, the entry is durable, or is buffered if the settings allow that.
    pub(crate) async fn record(
        &self,
        services: &Services,
        identity: Option<(OrganizationId, Actor)>,
        note: AuditNote,
    ) -> Result<(), StoreError> {
        let (organization, actor) = identity.unwrap_or_else(|| (OrganizationId::INSTALLATION, anonymous_actor()));
        let timestamp = services.store.begin_entry();
        let at = timestamp.at();
        let entry = Entry {
            id: Id::new(services.entropy.ulid(at)),
            organization,
            occurred_at: at,
            wall_clock: timestamp.differing_clock(),
            actor,
            action: note.action,
            subject: note.subject,
            reason: None,
            changes: note.changes,
            origin: note.origin,
            status: Some(note.status),
        };
        match self.buffer.as_ref().and_then(EntryBuffer::sender) {
            Some(sender) => match sender.try_send((entry, timestamp)) {
                Ok(()) => Ok(()),
                Err(TrySendError::Full((entry, timestamp)) | TrySendError::Closed((entry, timestamp))) => {
                    services.store.append(entry, timestamp).await
                }
            },
            None => services.store.append(entry, timestamp).await,
        }
    }

    /// Records a 429 response, or only counts it if an identical one was recorded less than a minute ago.
    pub(crate) async fn record_rate_limited(
        &self,
        services: &Services,
        account: &CachedAccount,
        note: AuditNote,
    ) -> Result<(), StoreError> {
        let now = services.clock.now();
        let key = RefusalKey::new(account.account.meta.id, &note);
        let mut refusal =
            RefusalCount { identity: account.audit_identity(), origin: note.origin.clone(), since: now, count: 0 };
        {
            let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
            let full = counted.len() >= MAX_COUNTED_KINDS;
            match counted.get_mut(&key) {
                Some(existing) if now.distance(existing.since) < REFUSAL_WINDOW => {
                    existing.count += 1;
                    return Ok(());
                }
                Some(existing) => refusal.count = mem::replace(existing, refusal.clone()).count,
                // If the table is full, the response gets an audit entry of its own.
                None if full => {}
                None => {
                    counted.insert(key.clone(), refusal.clone());
                }
            }
        }
        refusal.count += 1;
        let result = self.record(services, Some(account.audit_identity()), with_count(note, refusal.count)).await;
        if result.is_err() {
            self.restore_counts([(key, refusal)]);
        }
        result
    }

    /// Records the counted refusals whose minute is over, or all of them if `all` is true.
    pub(crate) async fn record_counted(&self, services: &Services, all: bool) -> Result<(), StoreError> {
        let now = services.clock.now();
        let mut due: Vec<(RefusalKey, RefusalCount)> = {
            let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
            let due = counted.extract_if(|_, counted| all || now.distance(counted.since) >= REFUSAL_WINDOW);
            due.filter(|(_, counted)| counted.count > 0).collect()
        };
        while let Some((key, counted)) = due.last() {
            let note = AuditNote {
                action: key.action.clone(),
                subject: None,
                origin: counted.origin.clone(),
                status: 429,
                changes: Vec::new(),
            };
            let note = with_count(note, counted.count);
            if let Err(error) = self.record(services, Some(counted.identity.clone()), note).await {
                self.restore_counts(due);
                return Err(error);
            }
            due.pop();
        }
        Ok(())
    }

    /// Adds counts back that could not be recorded.
    fn restore_counts(&self, unrecorded: impl IntoIterator<Item = (RefusalKey, RefusalCount)>) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, refusal) in unrecorded {
            if let Some(existing) = counted.get_mut(&key) {
                existing.count += refusal.count;
            } else if counted.len() < MAX_COUNTED_KINDS {
                counted.insert(key, refusal);
            }
        }
    }

    /// Waits until all buffered entries are stored. Later entries are stored without buffering.
    pub(crate) async fn drain(&self) {
        if let Some(buffer) = &self.buffer {
            drop(buffer.sender.lock().unwrap_or_else(PoisonError::into_inner).take());
            if let Some(writer) = buffer.writer.lock().await.take()
                && let Err(error) = writer.await
            {
                tracing::error!(%error, "the task that stores buffered audit entries failed");
            }
        }
    }
}

/// Returns the note with the number of requests that it stands for.
fn with_count(note: AuditNote, count: i64) -> AuditNote {
    let count = Change { field: "refused_calls".into(), before: FieldValue::Null, after: FieldValue::Integer(count) };
    AuditNote { changes: vec![count], ..note }
}

/// The actor of requests whose caller is not authenticated.
fn anonymous_actor() -> Actor {
    Actor { kind: ActorKind::System, id: None, name: "unknown caller".into() }
}

impl EntryBuffer {
    fn new(store: Arc<DynStore>) -> Self {
        let (sender, mut entries) = mpsc::channel(MAX_BUFFERED);
        let writer = tokio::spawn(async move {
            let mut batch: Vec<BufferedEntry> = Vec::new();
            while let Some(first) = entries.recv().await {
                if !entries.is_closed() && entries.len() < MAX_BATCH_SIZE {
                    sleep(BATCH_DELAY).await;
                }
                batch.push(first);
                while batch.len() < MAX_BATCH_SIZE
                    && let Ok(next) = entries.try_recv()
                {
                    batch.push(next);
                }
                let appended = futures_util::future::join_all(
                    batch.drain(..).map(|(entry, timestamp)| store.append(entry, timestamp)),
                )
                .await;
                for error in appended.into_iter().filter_map(Result::err) {
                    tracing::error!(%error, "an audit entry could not be stored");
                }
            }
        });
        Self { sender: Mutex::new(Some(sender)), writer: AsyncMutex::new(Some(writer)) }
    }

    fn sender(&self) -> Option<mpsc::Sender<BufferedEntry>> {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
