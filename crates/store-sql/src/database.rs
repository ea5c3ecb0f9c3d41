//! An open database and its schema.

use std::sync::{Arc, LazyLock};

use kernel::StoreError;

use crate::{
    engine::{Engine, Sql, corrupt, unavailable},
    location::{DatabaseOptions, DatabaseUrl},
    migrations, transfer,
};

/// One step of the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Its place: 1 for the first, without gaps.
    pub version: i64,
    /// What it brings.
    pub name: String,
}

static NOW: LazyLock<Sql> = LazyLock::new(|| Sql::timed("SELECT {now}"));

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
        Self::open_with(url, &DatabaseOptions::default()).await
    }

    /// The same, taking of the database what the options say.
    ///
    /// # Errors
    /// As [`Self::open`]; also when the address names certificates that can't be read.
    pub async fn open_with(url: &DatabaseUrl, options: &DatabaseOptions) -> Result<Self, StoreError> {
        Ok(Self { engine: Arc::new(Engine::open(url, options).await?) })
    }

    /// The migrations that this program has and the database has not, in their order.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database can't be reached, or serves newer programs only;
    /// [`StoreError::Corrupt`] when it was migrated by a program whose migrations were other than this one's.
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

    /// The present moment by the database's clock, which for a file is that of this machine.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database can't be reached.
    pub async fn time(&self) -> Result<kernel::Timestamp, StoreError> {
        let told =
            self.engine.read((), |(), session| Box::pin(session.fetch_one(&NOW, &[], |cells| cells.time()))).await?;
        told.ok_or_else(|| corrupt("the database does not tell the time"))
    }

    /// Finishes what is under way and closes.
    pub async fn close(&self) {
        self.engine.close().await;
    }

    /// Whether the schema is the one this program needs, and all of the installation is there.
    pub(crate) async fn current(&self) -> Result<(), StoreError> {
        let look = self.engine.read((), |(), session| {
            Box::pin(async move {
                let pending = migrations::pending(session).await?.len();
                Ok::<_, StoreError>((pending, pending == 0 && transfer::stands(session).await?))
            })
        });
        match look.await? {
            (0, false) => Ok(()),
            (0, true) => Err(unavailable(
                "the database is an unfinished copy of another: run `novantra copy` again, which begins anew",
            )),
            (pending, _) => {
                Err(unavailable(format!("the database lacks {pending} migrations: run `novantra migrate`")))
            }
        }
    }
}
