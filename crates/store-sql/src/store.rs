//! The store itself.

use std::sync::Arc;

use kernel::{Clock, StoreError};
use ulid::Ulid;

use crate::{
    accounts::Standing,
    audit::Trail,
    database::Database,
    engine::Engine,
    presence::{InFlight, Presence, Role},
};

/// Answers every port of a store over an SQL database.
pub struct SqlStore {
    pub(crate) database: Database,
    pub(crate) engine: Arc<Engine>,
    pub(crate) in_flight: InFlight,
    pub(crate) presence: Presence,
    pub(crate) standing: Standing,
    pub(crate) trail: Trail,
}

impl SqlStore {
    /// A store over this database. `process` names this process among those that share the database.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database can't be reached or its schema is not the one this program needs: see
    /// [`Database::migrate`].
    pub async fn over(
        database: Database,
        role: Role,
        clock: Arc<dyn Clock>,
        process: Ulid,
    ) -> Result<Self, StoreError> {
        database.current().await?;
        let engine = Arc::clone(&database.engine);
        let (presence, in_flight) = Presence::enter(&engine, role, &clock, process).await?;
        Ok(Self { standing: Standing::default(), trail: Trail::default(), database, engine, in_flight, presence })
    }
}
