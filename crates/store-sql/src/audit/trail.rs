//! Audit entries of calls that change no records. Concurrent ones share an insert.

use std::{borrow::Borrow, sync::Arc};

use async_trait::async_trait;
use kernel::{AuditTrail, Entry, StoreError, Timestamp, WriteTimestamp};

use super::insert;
use crate::{
    coalesce::{Trip, Waiting},
    engine::{Session, Sort, both},
    presence::Check,
    store::SqlStore,
};

#[derive(Default)]
pub(crate) struct Trail {
    waiting: Arc<Waiting<Stamped, (), WriteTimestamp>>,
}

/// An entry with the timestamp under which it is in flight.
struct Stamped {
    entry: Entry,
    at: Timestamp,
}

impl Borrow<Entry> for Stamped {
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
        let (engine, check) = (Arc::clone(&self.engine), self.presence.check());
        let dispatch = move |batch: Arc<Trip<Stamped, (), WriteTimestamp>>| {
            let completing = Arc::clone(&batch);
            engine.write_together_apart(
                Sort::Entries,
                (check, batch),
                |(check, batch), session| Box::pin(travel(*check, batch, session)),
                move |outcome| completing.arrive(outcome),
            );
        };
        self.trail.waiting.ask(Stamped { entry, at: timestamp.at() }, timestamp, dispatch).await
    }
}

async fn travel(
    check: Check,
    batch: &Trip<Stamped, (), WriteTimestamp>,
    session: &Session,
) -> Result<Vec<()>, StoreError> {
    let entries = batch.board();
    let lock = async {
        match entries.iter().map(|entry| entry.at).min() {
            Some(earliest) => check.hold(session, earliest).await,
            None => Ok(()),
        }
    };
    both(lock, insert(session, entries)).await?;
    Ok(vec![(); entries.len()])
}
