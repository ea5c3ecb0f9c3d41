//! Entries of calls that changed nothing: those in flight share one insert.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{AuditTrail, Entry, Stamp, StoreError};

use super::insert;
use crate::{
    coalesce::{Trip, Waiting},
    engine::Session,
    store::SqlStore,
};

#[derive(Default)]
pub(crate) struct Trail {
    waiting: Arc<Waiting<Entry, (), Stamp>>,
}

#[async_trait]
impl AuditTrail for SqlStore {
    fn begin_entry(&self) -> Stamp {
        self.in_flight.entries.begin()
    }

    async fn append(&self, entry: Entry, stamp: Stamp) -> Result<(), StoreError> {
        let depart = |trip: Arc<Trip<Entry, (), Stamp>>| {
            let arriving = Arc::clone(&trip);
            self.engine.write_apart(
                trip,
                |trip, session| Box::pin(travel(trip, session)),
                move |outcome| arriving.arrive(outcome),
            );
        };
        self.trail.waiting.ask(entry, stamp, depart).await
    }
}

async fn travel(trip: &Trip<Entry, (), Stamp>, session: &mut Session) -> Result<Vec<()>, StoreError> {
    let entries = trip.board();
    insert(session, entries).await?;
    Ok(vec![(); entries.len()])
}
