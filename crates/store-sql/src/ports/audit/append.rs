//! Audit entries of calls that change no records, and counts of repeated calls. Concurrent ones share a transaction.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{AuditTrail, Entry, RepeatedCalls, StoreError, Timestamp, WriteTimestamp};

use super::{insert, repeats};
use crate::{
    batching::{Batcher, CallBatch},
    engine::{CommitClass, Session, pipeline},
    ports::SqlStore,
    writer_registry::RegistrationCheck,
};

#[derive(Default)]
pub(crate) struct EntryBatcher {
    batcher: Arc<Batcher<Item, (), Option<WriteTimestamp>>>,
}

type Batch = CallBatch<Item, (), Option<WriteTimestamp>>;

enum Item {
    /// An entry with the timestamp under which it is in flight.
    Entry(Box<Entry>, Timestamp),
    Repeated(RepeatedCalls),
}

#[async_trait]
impl AuditTrail for SqlStore {
    fn begin_entry(&self) -> WriteTimestamp {
        self.in_flight.entries.begin()
    }

    async fn append(&self, entry: Entry, timestamp: WriteTimestamp) -> Result<(), StoreError> {
        self.submit(Item::Entry(Box::new(entry), timestamp.at()), Some(timestamp)).await
    }

    async fn count_repeated(&self, repeated: RepeatedCalls) -> Result<(), StoreError> {
        self.submit(Item::Repeated(repeated), None).await
    }

    async fn repeated_calls(
        &self,
        now: Timestamp,
        latest: Timestamp,
        limit: usize,
    ) -> Result<Vec<RepeatedCalls>, StoreError> {
        self.engine
            .read((now, latest, limit), |(now, latest, limit), session| {
                Box::pin(repeats::due(session, *now, *latest, *limit))
            })
            .await
    }

    async fn replace_repeated(
        &self,
        counted: &RepeatedCalls,
        entry: Entry,
        timestamp: WriteTimestamp,
    ) -> Result<bool, StoreError> {
        // The timestamp is part of the input, so that the entry is in flight until the transaction has ended.
        let input = (self.registration.check(), *counted, entry, timestamp);
        self.engine
            .write(input, |(check, counted, entry, timestamp), session| {
                Box::pin(replace_repeated(session, *check, counted, entry, timestamp.at()))
            })
            .await
    }
}

impl SqlStore {
    async fn submit(&self, item: Item, timestamp: Option<WriteTimestamp>) -> Result<(), StoreError> {
        let (engine, check) = (Arc::clone(&self.engine), self.registration.check());
        let dispatch = move |batch: Arc<Batch>| {
            let completing = Arc::clone(&batch);
            engine.spawn_write_grouped(
                CommitClass::AuditEntries,
                (check, batch),
                |(check, batch), session| Box::pin(execute(*check, batch, session)),
                move |outcome| completing.complete(outcome),
            );
        };
        self.entry_batcher.batcher.submit(item, timestamp, dispatch).await
    }
}

async fn execute(check: RegistrationCheck, batch: &Batch, session: &Session) -> Result<Vec<()>, StoreError> {
    let items = batch.items();
    let (mut entries, mut repeated, mut earliest) = (Vec::with_capacity(items.len()), Vec::new(), None::<Timestamp>);
    for item in items {
        match item {
            Item::Entry(entry, at) => {
                entries.push(&**entry);
                earliest = Some(earliest.map_or(*at, |earliest| earliest.min(*at)));
            }
            Item::Repeated(calls) => repeated.push(*calls),
        }
    }
    let lock = async {
        match earliest {
            Some(earliest) => check.lock(session, earliest).await,
            None => Ok(()),
        }
    };
    pipeline::<StoreError>(vec![
        Box::pin(lock),
        Box::pin(insert(session, &entries)),
        Box::pin(repeats::add(session, &repeated)),
    ])
    .await?;
    Ok(vec![(); items.len()])
}

async fn replace_repeated(
    session: &Session,
    check: RegistrationCheck,
    counted: &RepeatedCalls,
    entry: &Entry,
    at: Timestamp,
) -> Result<bool, StoreError> {
    if !repeats::remove(session, counted).await? {
        return Ok(false);
    }
    check.lock(session, at).await?;
    insert(session, &[entry]).await?;
    Ok(true)
}
