//! Audit entries of calls that change no records. Concurrent ones share an insert.

use std::{borrow::Borrow, sync::Arc};

use async_trait::async_trait;
use kernel::{AuditTrail, Entry, StoreError, Timestamp, WriteTimestamp};

use super::insert;
use crate::{
    batching::{Batcher, CallBatch},
    engine::{CommitClass, Session, pipeline2},
    ports::SqlStore,
    writer_registry::RegistrationCheck,
};

#[derive(Default)]
pub(crate) struct EntryBatcher {
    batcher: Arc<Batcher<TimestampedEntry, (), WriteTimestamp>>,
}

/// An entry with the timestamp under which it is in flight.
struct TimestampedEntry {
    entry: Entry,
    at: Timestamp,
}

impl Borrow<Entry> for TimestampedEntry {
    fn borrow(&self) -> &Entry {
        &self.entry
    }
}

#[async_trait]
impl AuditTrail for SqlStore {
    fn begin_entry(&self) -> WriteTimestamp {
        self.in_flight.entries.begin()
    }

    async fn append(&self, entry: Entry, timestamp: WriteTimestamp) -> Result<(), StoreError> {
        let (engine, check) = (Arc::clone(&self.engine), self.registration.check());
        let dispatch = move |batch: Arc<CallBatch<TimestampedEntry, (), WriteTimestamp>>| {
            let completing = Arc::clone(&batch);
            engine.spawn_write_grouped(
                CommitClass::AuditEntries,
                (check, batch),
                |(check, batch), session| Box::pin(execute(*check, batch, session)),
                move |outcome| completing.complete(outcome),
            );
        };
        self.entry_batcher.batcher.submit(TimestampedEntry { entry, at: timestamp.at() }, timestamp, dispatch).await
    }
}

async fn execute(
    check: RegistrationCheck,
    batch: &CallBatch<TimestampedEntry, (), WriteTimestamp>,
    session: &Session,
) -> Result<Vec<()>, StoreError> {
    let entries = batch.items();
    let lock = async {
        match entries.iter().map(|entry| entry.at).min() {
            Some(earliest) => check.lock(session, earliest).await,
            None => Ok(()),
        }
    };
    pipeline2(lock, insert(session, entries)).await?;
    Ok(vec![(); entries.len()])
}
