//! Entries of calls that changed nothing: those in flight share one insert.

use std::{borrow::Borrow, sync::Arc};

use async_trait::async_trait;
use kernel::{AuditTrail, Entry, Stamp, StoreError, Timestamp};

use super::insert;
use crate::{
    coalesce::{Trip, Waiting},
    engine::{Session, Sort, both},
    presence::Check,
    store::SqlStore,
};

#[derive(Default)]
pub(crate) struct Trail {
    waiting: Arc<Waiting<Stamped, (), Stamp>>,
}

/// An entry, and the moment it is in flight since.
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
    fn begin_entry(&self) -> Stamp {
        self.in_flight.entries.begin()
    }

    async fn append(&self, entry: Entry, stamp: Stamp) -> Result<(), StoreError> {
        let (engine, check) = (Arc::clone(&self.engine), self.presence.check());
        let depart = move |trip: Arc<Trip<Stamped, (), Stamp>>| {
            let arriving = Arc::clone(&trip);
            engine.write_together_apart(
                Sort::Entries,
                (check, trip),
                |(check, trip), session| Box::pin(travel(*check, trip, session)),
                move |outcome| arriving.arrive(outcome),
            );
        };
        self.trail.waiting.ask(Stamped { entry, at: stamp.at() }, stamp, depart).await
    }
}

async fn travel(check: Check, trip: &Trip<Stamped, (), Stamp>, session: &Session) -> Result<Vec<()>, StoreError> {
    let entries = trip.board();
    let hold = async {
        match entries.iter().map(|entry| entry.at).min() {
            Some(earliest) => check.hold(session, earliest).await,
            None => Ok(()),
        }
    };
    both(hold, insert(session, entries)).await?;
    Ok(vec![(); entries.len()])
}
