//! Putting calls on record that change nothing: reads, refusals and replays (contract v1 § 8).

use std::{
    collections::HashMap,
    mem,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use auth::AccountId;
use kernel::{
    Action, Actor, ActorKind, Change, Entry, FieldValue, Id, Organization, OrganizationId, Origin, Stamp, StoreError,
    Subject, Timestamp,
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

use crate::{accounts::Cached, services::Services};

/// How often 429s that are alike are on record.
const REFUSAL_SPAN: Duration = Duration::from_secs(60);
/// How many sorts of 429s are counted at a time.
const MOST_COUNTED: usize = 5000;
/// How many entries may wait with `NOVANTRA_AUDIT_READS=buffered`; past that, calls wait as they do with `durable`.
const MOST_BUFFERED: usize = 10_000;
/// How long the first of them waits for others, so that a transaction's own cost is shared by many.
const GATHERED_FOR: Duration = Duration::from_millis(50);
/// How many are stored at once.
const MOST_AT_ONCE: usize = 1024;

pub(crate) struct Trail {
    buffer: Option<Buffer>,
    counted: Mutex<HashMap<Alike, Counted>>,
}

/// Refusals that one entry may stand for. What is refused a stranger who merely knows an account's client id has entries
/// of its own, beside those of the account.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Alike {
    account: AccountId,
    place: Option<Peer>,
    action: Action,
}

impl Alike {
    fn new(account: AccountId, note: &Note) -> Self {
        let address = note.origin.source_address.as_deref().and_then(|address| address.parse::<IpAddr>().ok());
        Self { account, place: address.map(Peer::from), action: note.action.clone() }
    }
}

/// Refusals that were counted since the last entry about them.
#[derive(Clone)]
struct Counted {
    who: (OrganizationId, Actor),
    origin: Origin,
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
                Err(TrySendError::Full((entry, stamp)) | TrySendError::Closed((entry, stamp))) => {
                    services.store.append(entry, stamp).await
                }
            },
            None => services.store.append(entry, stamp).await,
        }
    }

    /// Puts a 429 on record, or counts it when one like it was on record less than a minute ago.
    pub(crate) async fn record_limited(
        &self,
        services: &Services,
        account: &Cached,
        note: Note,
    ) -> Result<(), StoreError> {
        let now = services.clock.now();
        let alike = Alike::new(account.account.meta.id, &note);
        let mut refusals = Counted { who: account.who(), origin: note.origin.clone(), since: now, count: 0 };
        {
            let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
            let full = counted.len() >= MOST_COUNTED;
            match counted.get_mut(&alike) {
                Some(there) if now.since(there.since) < REFUSAL_SPAN => {
                    there.count += 1;
                    return Ok(());
                }
                Some(there) => refusals.count = mem::replace(there, refusals.clone()).count,
                // Where there is no room to count more of them, each is on record of its own.
                None if full => {}
                None => {
                    counted.insert(alike.clone(), refusals.clone());
                }
            }
        }
        refusals.count += 1;
        let recorded = self.record(services, Some(account.who()), counting(note, refusals.count)).await;
        if recorded.is_err() {
            self.count_again([(alike, refusals)]);
        }
        recorded
    }

    /// Puts on record what was only counted, where its minute is over; all of it at the end.
    pub(crate) async fn record_counted(&self, services: &Services, all: bool) -> Result<(), StoreError> {
        let now = services.clock.now();
        let mut due: Vec<(Alike, Counted)> = {
            let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
            let due = counted.extract_if(|_, counted| all || now.since(counted.since) >= REFUSAL_SPAN);
            due.filter(|(_, counted)| counted.count > 0).collect()
        };
        while let Some((alike, counted)) = due.last() {
            let note = Note {
                action: alike.action.clone(),
                subject: None,
                origin: counted.origin.clone(),
                status: 429,
                changes: Vec::new(),
            };
            let note = counting(note, counted.count);
            if let Err(error) = self.record(services, Some(counted.who.clone()), note).await {
                self.count_again(due);
                return Err(error);
            }
            due.pop();
        }
        Ok(())
    }

    /// Takes back what could not be put on record.
    fn count_again(&self, unrecorded: impl IntoIterator<Item = (Alike, Counted)>) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        for (alike, refusals) in unrecorded {
            if let Some(there) = counted.get_mut(&alike) {
                there.count += refusals.count;
            } else if counted.len() < MOST_COUNTED {
                counted.insert(alike, refusals);
            }
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

/// The note with how many calls it stands for.
fn counting(note: Note, count: i64) -> Note {
    let count = Change { field: "refused_calls".into(), before: FieldValue::Null, after: FieldValue::Integer(count) };
    Note { changes: vec![count], ..note }
}

fn stranger() -> Actor {
    Actor { kind: ActorKind::System, id: None, name: "unknown caller".into() }
}

impl Buffer {
    fn new(store: Arc<DynStore>) -> Self {
        let (sender, mut entries) = mpsc::channel(MOST_BUFFERED);
        let writer = tokio::spawn(async move {
            let mut batch: Vec<Waiting> = Vec::new();
            while let Some(first) = entries.recv().await {
                if !entries.is_closed() && entries.len() < MOST_AT_ONCE {
                    sleep(GATHERED_FOR).await;
                }
                batch.push(first);
                while batch.len() < MOST_AT_ONCE
                    && let Ok(next) = entries.try_recv()
                {
                    batch.push(next);
                }
                let appended =
                    futures_util::future::join_all(batch.drain(..).map(|(entry, stamp)| store.append(entry, stamp)))
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
