//! Audit entries of calls that change no records, and counts of repeated calls. Concurrent ones share a transaction.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{AuditTrail, Entry, RepeatedCalls, StoreError, Timestamp, WriteTimestamp};

use super::{repeats, rows::EntryRows};
use crate::{
    batching::{Batcher, CallBatch},
    engine::{CommitClass, Engine, Session, is_outcome_unknown, pipeline, pipeline2, unavailable},
    ports::SqlStore,
    writer_registry::RegistrationCheck,
};

/// The number of times that a batch is stored again while it is unknown whether it was stored.
const MAX_REPETITIONS: u32 = 3;

#[derive(Default)]
pub(crate) struct EntryBatcher {
    batcher: Arc<Batcher<Item, bool, Option<WriteTimestamp>>>,
}

/// A batch of items. The result of an item is whether it was stored.
type Batch = CallBatch<Item, bool, Option<WriteTimestamp>>;

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
        self.write_entries(
            None,
            input,
            |stored| *stored,
            |((check, counted, entry, timestamp), rows), session| {
                Box::pin(replace_repeated(session, *check, counted, entry, timestamp.at(), rows))
            },
        )
        .await
    }
}

impl SqlStore {
    async fn submit(&self, item: Item, timestamp: Option<WriteTimestamp>) -> Result<(), StoreError> {
        let (engine, writer, check) = (Arc::clone(&self.engine), Arc::clone(&self.rows), self.registration.check());
        let dispatch = move |batch: Arc<Batch>| {
            Trip { engine, check, batch, rows: EntryRows::new(&writer), repetitions: 0 }.start();
        };
        if self.entry_batcher.batcher.submit(item, timestamp, dispatch).await? {
            Ok(())
        } else {
            Err(unavailable(
                "whether the call was counted is not known, because the connection to the database was lost",
            ))
        }
    }
}

/// A batch on its way to the database.
#[derive(Clone)]
struct Trip {
    engine: Arc<Engine>,
    check: RegistrationCheck,
    batch: Arc<Batch>,
    rows: Arc<EntryRows>,
    /// How often it was begun again.
    repetitions: u32,
}

impl Trip {
    fn start(self) {
        let (engine, completing) = (Arc::clone(&self.engine), self.clone());
        engine.spawn_write_grouped(
            CommitClass::AuditEntries,
            self,
            |trip, session| Box::pin(trip.execute(session)),
            move |outcome| completing.finish(outcome),
        );
    }

    /// Entries are stored once, also if the batch is repeated. Whether a call was counted can't be found out, so counts are
    /// not repeated.
    async fn execute(&self, session: &Session) -> Result<Vec<bool>, StoreError> {
        let items = self.batch.items();
        let (mut entries, mut repeated, mut earliest) =
            (Vec::with_capacity(items.len()), Vec::new(), None::<Timestamp>);
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
                Some(earliest) => self.check.lock(session, earliest).await,
                None => Ok(()),
            }
        };
        if self.repetitions > 0 {
            pipeline2(lock, self.rows.insert_again(session)).await?;
            return Ok(items.iter().map(|item| matches!(item, Item::Entry(..))).collect());
        }
        pipeline::<StoreError>(vec![
            Box::pin(lock),
            Box::pin(self.rows.insert(session, &entries)),
            Box::pin(repeats::add(session, &repeated)),
        ])
        .await?;
        Ok(vec![true; items.len()])
    }

    fn finish(self, outcome: Result<Vec<bool>, StoreError>) {
        let has_entries = || self.batch.items().iter().any(|item| matches!(item, Item::Entry(..)));
        match outcome {
            Ok(stored) => {
                self.rows.mark_stored();
                self.batch.complete(Ok(stored));
            }
            Err(error) if self.repetitions < MAX_REPETITIONS && is_outcome_unknown(&error) && has_entries() => {
                tracing::warn!(%error, "storing audit entries again: whether they were stored is not known");
                Self { repetitions: self.repetitions + 1, ..self }.start();
            }
            Err(error) => self.batch.complete(Err(error)),
        }
    }
}

async fn replace_repeated(
    session: &Session,
    check: RegistrationCheck,
    counted: &RepeatedCalls,
    entry: &Entry,
    at: Timestamp,
    rows: &EntryRows,
) -> Result<bool, StoreError> {
    if !repeats::remove(session, counted).await? {
        return Ok(false);
    }
    check.lock(session, at).await?;
    rows.insert(session, &[entry]).await?;
    Ok(true)
}
