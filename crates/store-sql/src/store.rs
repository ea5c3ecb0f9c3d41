//! The store.

use std::sync::Arc;

use kernel::{Clock, StoreError};
use ulid::Ulid;

use crate::{
    accounts::Standing,
    audit::Trail,
    commit,
    database::Database,
    delivery_queue,
    engine::Engine,
    presence::{InFlight, Presence, Role},
    statistics::Statistics,
};

/// The implementation of every store port over an SQL database.
pub struct SqlStore {
    pub(crate) database: Database,
    pub(crate) engine: Arc<Engine>,
    pub(crate) in_flight: InFlight,
    pub(crate) presence: Presence,
    pub(crate) commits: commit::Together,
    pub(crate) standing: Standing,
    pub(crate) lane_standing: delivery_queue::Standing,
    pub(crate) together: delivery_queue::Together,
    pub(crate) trail: Trail,
    pub(crate) reach: usize,
    _statistics: Statistics,
}

/// The most rows that one page scans: few enough that a page costs milliseconds, enough that reading a large collection
/// of which little matches takes tens of pages.
const REACH: usize = 2_000;

impl SqlStore {
    /// Opens a store over this database and registers this process. `process` identifies it among the processes that
    /// share the database.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database can't be reached or its schema is not the one this program needs
    /// (see [`Database::migrate`]).
    pub async fn over(
        database: Database,
        role: Role,
        clock: Arc<dyn Clock>,
        process: Ulid,
    ) -> Result<Self, StoreError> {
        database.current().await?;
        let engine = Arc::clone(&database.engine);
        let (presence, in_flight) = Presence::enter(&engine, role, &clock, process).await?;
        Ok(Self {
            commits: commit::Together::default(),
            standing: Standing::default(),
            lane_standing: delivery_queue::Standing::default(),
            together: delivery_queue::Together::default(),
            trail: Trail::default(),
            reach: REACH,
            _statistics: Statistics::keep(&engine),
            database,
            engine,
            in_flight,
            presence,
        })
    }

    /// Returns this store with another limit on the rows that one page of a list scans: `rows`, 1 or more, whether they
    /// match or not. A page that reaches the limit is short and has a cursor to continue from.
    #[must_use]
    pub fn looking_at(self, rows: usize) -> Self {
        Self { reach: rows, ..self }
    }
}
