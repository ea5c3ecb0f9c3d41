//! The evidence of the time that the database has for a process that starts: the latest time that it stored, the times of the other
//! processes, and an anchor that relates the time to something else than a clock.

use kernel::{StoreError, Timestamp};

use super::installation::{ANCHOR, CEILING, parse_ceiling, set, value};
use crate::{engine::Session, schema::Database, writer_registry::registered_writers};

/// The evidence of the time that the database has, without its clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClockEvidence {
    /// The latest time that clients may have been told.
    pub ceiling: Option<Timestamp>,
    /// Whether other processes are registered, even if none of them is known to run.
    pub has_processes: bool,
    /// The latest of the times that the running processes use, up to a few seconds ago.
    pub processes_time: Option<Timestamp>,
    /// The anchor that a server stored last.
    pub anchor: Option<String>,
}

impl Database {
    /// Reads what the database says about the time. Works with any schema version.
    ///
    /// # Errors
    /// [`StoreError`] if it can't be read.
    pub async fn clock_evidence(&self) -> Result<ClockEvidence, StoreError> {
        self.engine.read((), |(), session| Box::pin(read(session))).await
    }

    /// Stores an anchor in place of the previous one.
    ///
    /// # Errors
    /// [`StoreError`] if it was not stored.
    pub async fn store_clock_anchor(&self, anchor: String) -> Result<(), StoreError> {
        self.engine.write(anchor, |anchor, session| Box::pin(set(session, ANCHOR, anchor.clone()))).await
    }
}

async fn read(session: &Session) -> Result<ClockEvidence, StoreError> {
    if !session.has_table("installation").await? {
        return Ok(ClockEvidence::default());
    }
    let writers = registered_writers(session).await?;
    Ok(ClockEvidence {
        ceiling: value(session, CEILING).await?.map(|text| parse_ceiling(&text)).transpose()?,
        has_processes: writers.count > 0,
        processes_time: writers.time,
        anchor: value(session, ANCHOR).await?,
    })
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use ::store::Maintenance as _;
    use audit_store::RowWriter;
    use kernel::{Clock as _, OrganizationId};
    use store_contract::{TestClock, TestEntropy, TestLogKey, samples};
    use ulid::Ulid;

    use super::*;
    use crate::{InstallationChange, Role, SqlStore, engine::DatabaseUrl};

    #[tokio::test]
    async fn a_running_process_is_evidence_of_the_time_that_it_uses() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&DatabaseUrl::Sqlite(folder.path().join("times.db"))).await.unwrap();
        assert_eq!(database.clock_evidence().await.unwrap(), ClockEvidence::default(), "there is no schema yet");
        let clock = Arc::new(TestClock::new(TestClock::START));
        database.migrate(clock.now()).await.unwrap();
        let store = SqlStore::open(database.clone(), Role::Command, Arc::clone(&clock) as _, Ulid(7)).await.unwrap();
        let evidence = database.clock_evidence().await.unwrap();
        assert!(evidence.has_processes);
        let time = evidence.processes_time.expect("the time of the command");
        assert!(time.distance(TestClock::START) < Duration::from_secs(60), "{time}");
        store.close().await;
    }

    #[tokio::test]
    async fn a_reset_of_the_clock_deletes_the_anchor() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&DatabaseUrl::Sqlite(folder.path().join("anchor.db"))).await.unwrap();
        database.migrate(TestClock::START).await.unwrap();
        for anchor in ["one", "two"] {
            database.store_clock_anchor(anchor.to_owned()).await.unwrap();
            assert_eq!(database.clock_evidence().await.unwrap().anchor.as_deref(), Some(anchor));
        }
        let reset = InstallationChange::ResetClock(TestClock::START);
        let entry = samples::entry(&TestEntropy::with_offset(0), OrganizationId::INSTALLATION, TestClock::START);
        let rows = RowWriter::new(Ulid(8));
        rows.set_key(Arc::new(TestLogKey::DEFAULT));
        database.change_installation(&reset, &entry, rows).await.unwrap();
        let evidence = database.clock_evidence().await.unwrap();
        assert_eq!((evidence.ceiling, evidence.anchor), (Some(TestClock::START), None));
    }
}
