//! Putting calls on record that change nothing: reads, refusals and replays (contract v1 § 8).

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use auth::AccountId;
use kernel::{
    Action, Actor, ActorKind, Change, Entry, FieldValue, Id, Organization, OrganizationId, Origin, Stamp, StoreError,
    Subject, Timestamp,
};
use store::DynStore;
use tokio::sync::{
    Mutex as AsyncMutex,
    mpsc::{self, error::TrySendError},
};

use crate::services::Services;

/// How often the 429s of one account are on record.
const REFUSAL_SPAN: Duration = Duration::from_secs(60);
/// How many entries may wait with `NOVANTRA_AUDIT_READS=buffered`; past that, calls wait as they do with `durable`.
const MOST_BUFFERED: usize = 10_000;

pub(crate) struct Trail {
    buffer: Option<Buffer>,
    counted: Mutex<HashMap<AccountId, Counted>>,
}

/// Refusals of an account that were counted since its last entry about them.
struct Counted {
    who: (OrganizationId, Actor),
    origin: Origin,
    action: String,
    since: Timestamp,
    count: i64,
}

/// An entry that waits to be stored, and its stamp, which is in flight until it is.
type Waiting = (Entry, Stamp);

struct Buffer {
    sender: Mutex<Option<mpsc::Sender<Waiting>>>,
    writer: AsyncMutex<Option<tokio::task::JoinHandle<()>>>,
}

/// What is to be put on record of a call.
pub(crate) struct Note {
    pub(crate) action: Action,
    pub(crate) subject: Option<Subject>,
    pub(crate) origin: Origin,
    pub(crate) status: u16,
    pub(crate) changes: Vec<Change>,
}

impl Trail {
    pub(crate) fn new(services: &Services) -> Self {
        let buffer = (!services.settings.durable_read_audit).then(|| Buffer::new(Arc::clone(&services.store)));
        Self { buffer, counted: Mutex::default() }
    }

    /// Puts a call on record; once this returns the entry is durable, or waits in the buffer where that is the setting.
    pub(crate) async fn record(
        &self,
        services: &Services,
        who: Option<(OrganizationId, Actor)>,
        note: Note,
    ) -> Result<(), StoreError> {
        let (organization, actor) = who.unwrap_or_else(|| (Organization::installation(), stranger()));
        let stamp = services.store.begin_entry();
        let at = stamp.at();
        let entry = Entry {
            id: Id::new(services.entropy.ulid(at)),
            organization,
            occurred_at: at,
            actor,
            action: note.action,
            subject: note.subject,
            reason: None,
            changes: note.changes,
            origin: note.origin,
            status: Some(note.status),
        };
        match self.buffer.as_ref().and_then(Buffer::sender) {
            Some(sender) => match sender.try_send((entry, stamp)) {
                Ok(()) => Ok(()),
                Err(TrySendError::Full((entry, _stamp)) | TrySendError::Closed((entry, _stamp))) => {
                    services.store.append(entry).await
                }
            },
            None => services.store.append(entry).await,
        }
    }

    /// Puts a 429 on record, or counts it when one of the account was on record less than a minute ago.
    pub(crate) async fn record_limited(
        &self,
        services: &Services,
        account: AccountId,
        who: (OrganizationId, Actor),
        note: Note,
    ) -> Result<(), StoreError> {
        let now = services.clock.now();
        let earlier = {
            let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
            match counted.get_mut(&account) {
                Some(there) if now.since(there.since) < REFUSAL_SPAN => {
                    there.count += 1;
                    return Ok(());
                }
                _ => counted.insert(
                    account,
                    Counted {
                        who: who.clone(),
                        origin: note.origin.clone(),
                        action: note.action.to_string(),
                        since: now,
                        count: 0,
                    },
                ),
            }
        };
        let count = 1 + earlier.map_or(0, |earlier| earlier.count);
        let note = Note { changes: vec![count_of(count)], ..note };
        self.record(services, Some(who), note).await
    }

    /// Puts on record what was only counted, where its minute is over; all of it at the end.
    pub(crate) async fn record_counted(&self, services: &Services, all: bool) -> Result<(), StoreError> {
        let now = services.clock.now();
        let mut due: Vec<(AccountId, Counted)> = {
            let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
            let (due, rest) = mem::take(&mut *counted)
                .into_iter()
                .partition::<HashMap<_, _>, _>(|(_, counted)| all || now.since(counted.since) >= REFUSAL_SPAN);
            *counted = rest;
            due.into_iter().filter(|(_, counted)| counted.count > 0).collect()
        };
        while let Some((_, counted)) = due.last() {
            let note = Note {
                action: Action(counted.action.clone().into()),
                subject: None,
                origin: counted.origin.clone(),
                status: 429,
                changes: vec![count_of(counted.count)],
            };
            if let Err(error) = self.record(services, Some(counted.who.clone()), note).await {
                self.count_again(due);
                return Err(error);
            }
            due.pop();
        }
        Ok(())
    }

    /// Takes back what could not be put on record.
    fn count_again(&self, unrecorded: Vec<(AccountId, Counted)>) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        for (account, refusals) in unrecorded {
            let count = refusals.count;
            counted.entry(account).and_modify(|there| there.count += count).or_insert(refusals);
        }
    }

    /// Waits until all that is buffered is stored. Later entries are stored as they come.
    pub(crate) async fn drain(&self) {
        if let Some(buffer) = &self.buffer {
            drop(buffer.sender.lock().unwrap_or_else(PoisonError::into_inner).take());
            if let Some(writer) = buffer.writer.lock().await.take()
                && let Err(error) = writer.await
            {
                tracing::error!(%error, "the writer of buffered audit entries failed");
            }
        }
    }
}

fn count_of(count: i64) -> Change {
    Change { field: "refused_calls".into(), before: FieldValue::Null, after: FieldValue::Integer(count) }
}

fn stranger() -> Actor {
    Actor { kind: ActorKind::System, id: None, name: "unknown caller".into() }
}

impl Buffer {
    fn new(store: Arc<DynStore>) -> Self {
        let (sender, mut entries) = mpsc::channel(MOST_BUFFERED);
        let writer = tokio::spawn(async move {
            let mut batch = Vec::new();
            while entries.recv_many(&mut batch, 256).await > 0 {
                let appended = futures_util::future::join_all(
                    batch.drain(..).map(async |(entry, _stamp)| store.append(entry).await),
                )
                .await;
                for error in appended.into_iter().filter_map(Result::err) {
                    tracing::error!(%error, "an audit entry could not be stored");
                }
            }
        });
        Self { sender: Mutex::new(Some(sender)), writer: AsyncMutex::new(Some(writer)) }
    }

    fn sender(&self) -> Option<mpsc::Sender<Waiting>> {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
