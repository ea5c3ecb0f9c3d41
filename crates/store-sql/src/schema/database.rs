//! An open database and its schema.

use std::{
    path::Path,
    sync::{Arc, LazyLock},
};

use kernel::StoreError;

use super::{
    copy_marker,
    migrations::{self, Migration},
};
use crate::engine::{DatabaseOptions, DatabaseUrl, Engine, Sql, corrupt, is_missing, unavailable};

static NOW: LazyLock<Sql> = LazyLock::new(|| Sql::from_text_with_now("SELECT {now}"));

/// An open database.
#[derive(Clone)]
pub struct Database {
    pub(crate) engine: Arc<Engine>,
}

impl Database {
    /// Opens the database. A missing file is created; connections to PostgreSQL are opened on first use.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the file can't be opened.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, StoreError> {
        Self::open_with(url, &DatabaseOptions::default()).await
    }

    /// Opens the database with these limits on the resources it may use.
    ///
    /// # Errors
    /// As [`Self::open`]; also when the address names certificates that can't be read.
    pub async fn open_with(url: &DatabaseUrl, options: &DatabaseOptions) -> Result<Self, StoreError> {
        Ok(Self { engine: Arc::new(Engine::open(url, options, true).await?) })
    }

    /// As [`Self::open_with`], but creates no file.
    ///
    /// # Errors
    /// As [`Self::open_with`]; also when the file is missing.
    pub async fn open_existing(url: &DatabaseUrl, options: &DatabaseOptions) -> Result<Self, StoreError> {
        Ok(Self { engine: Arc::new(Engine::open(url, options, false).await?) })
    }

    /// Whether the SQLite file is missing, or empty. Nothing is created or changed.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] with the remedy if a write-ahead log holds changes and its database is missing or
    /// empty, or if a log was put aside there, or if the files can't be examined. Opening the database fails, too.
    pub fn is_missing(file: &Path) -> Result<bool, StoreError> {
        is_missing(file)
    }

    /// Returns the migrations that this program has and the database lacks, in their order.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database can't be reached or requires a newer program;
    /// [`StoreError::Corrupt`] when its migrations differ from those of this program.
    pub async fn pending_migrations(&self) -> Result<Vec<Migration>, StoreError> {
        self.engine.read((), |(), session| Box::pin(migrations::pending(session))).await
    }

    /// Applies the pending migrations, all or none, and returns those it applied. Several processes may migrate at the
    /// same time.
    ///
    /// # Errors
    /// As [`Self::pending_migrations`]; [`StoreError::Corrupt`] also when a migration fails.
    pub async fn migrate(&self, now: kernel::Timestamp) -> Result<Vec<Migration>, StoreError> {
        let migrate = || self.engine.write(now, |now, session| Box::pin(migrations::apply(session, *now)));
        match migrate().await {
            // Another process has migrated an empty database meanwhile, for longer than a write has time to be retried.
            Err(StoreError::Unavailable(_)) => migrate().await,
            result => result,
        }
    }

    /// Returns the current time by the database's clock. For a SQLite file that is the clock of this machine.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database can't be reached.
    pub async fn time(&self) -> Result<kernel::Timestamp, StoreError> {
        let time =
            self.engine.read((), |(), session| Box::pin(session.fetch_one(&NOW, &[], |cells| cells.time()))).await?;
        time.ok_or_else(|| corrupt("the query for the current time returned no row"))
    }

    /// Waits for the operations in progress and closes the database.
    pub async fn close(&self) {
        self.engine.close().await;
    }

    /// Checks that the schema is the one this program needs and that no unfinished copy is in the database.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] otherwise, or if the database can't be reached.
    pub async fn ensure_current(&self) -> Result<(), StoreError> {
        let check = self.engine.read((), |(), session| {
            Box::pin(async move {
                let pending = migrations::pending(session).await?.len();
                Ok::<_, StoreError>((pending, pending == 0 && copy_marker::is_copying(session).await?))
            })
        });
        match check.await? {
            (0, false) => Ok(()),
            (0, true) => Err(unavailable(
                "the database is an unfinished copy of another: run `novantra copy` again, which starts over",
            )),
            (pending, _) => {
                Err(unavailable(format!("the database lacks {pending} migrations: run `novantra migrate`")))
            }
        }
    }
}
