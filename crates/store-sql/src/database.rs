//! An open database and its schema.

use std::sync::Arc;

use kernel::StoreError;

use crate::{
    engine::{Engine, unavailable},
    location::DatabaseUrl,
    migrations,
};

/// One step of the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Its place: 1 for the first, without gaps.
    pub version: i64,
    /// What it brings.
    pub name: String,
}

/// An open database.
#[derive(Clone)]
pub struct Database {
    pub(crate) engine: Arc<Engine>,
}

impl Database {
    /// Opens the database. A file that is not there is made; PostgreSQL is connected to when first needed.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the file can't be opened.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, StoreError> {
        Ok(Self { engine: Arc::new(Engine::open(url).await?) })
    }

    /// The migrations that this program has and the database has not, in their order.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database can't be reached; [`StoreError::Corrupt`] when it was migrated by a
    /// newer program, or by one whose migrations were other than this one's.
    pub async fn pending_migrations(&self) -> Result<Vec<Migration>, StoreError> {
        self.engine.read((), |(), session| Box::pin(migrations::pending(session))).await
    }

    /// Applies the pending migrations, all or none. Several processes may do so at once. Says which were applied.
    ///
    /// # Errors
    /// As [`Self::pending_migrations`]; [`StoreError::Corrupt`] also when a migration fails.
    pub async fn migrate(&self, now: kernel::Timestamp) -> Result<Vec<Migration>, StoreError> {
        self.engine.write(now, |now, session| Box::pin(migrations::apply(session, *now))).await
    }

    /// Finishes what is under way and closes.
    pub async fn close(&self) {
        self.engine.close().await;
    }

    /// Whether the schema is the one this program needs.
    pub(crate) async fn current(&self) -> Result<(), StoreError> {
        match self.pending_migrations().await?.len() {
            0 => Ok(()),
            pending => Err(unavailable(format!("the database lacks {pending} migrations: run `novantra migrate`"))),
        }
    }
}
