//! What a backup is made of and a restored database is recognized by, whatever its schema.

use std::path::Path;

use kernel::StoreError;

use crate::{
    database::Database,
    engine::{Engine, unavailable},
    master_key, migrations, transfer,
};

impl Database {
    /// Copies the database, as it is at one moment, to a file that is not there yet, whoever reads and writes meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] over PostgreSQL, which has a program for that; where the file can't be written; and where
    /// the database is an unfinished copy itself.
    pub async fn back_up(&self, file: &Path) -> Result<(), StoreError> {
        if self.is_unfinished().await? {
            return Err(unavailable("the database is an unfinished copy of another"));
        }
        self.engine.back_up(file).await
    }

    /// Looks whether every page and index of a SQLite file is in order. Nobody else may have it open.
    ///
    /// # Errors
    /// What is wrong.
    pub async fn examine(file: &Path) -> Result<(), StoreError> {
        Engine::examine(file).await
    }

    /// The newest migration the database has; 0 where it has none.
    ///
    /// # Errors
    /// [`StoreError`] when it can't be read.
    pub async fn schema(&self) -> Result<i64, StoreError> {
        self.engine.read((), |(), session| Box::pin(migrations::applied(session))).await
    }

    /// What the installation's master key is recognized by; none where it has not begun.
    ///
    /// # Errors
    /// [`StoreError`] when it can't be read.
    pub async fn master_key_check(&self) -> Result<Option<String>, StoreError> {
        self.engine
            .read((), |(), session| {
                Box::pin(async move {
                    if session.has_table("installation").await? { master_key::kept(session).await } else { Ok(None) }
                })
            })
            .await
    }

    async fn is_unfinished(&self) -> Result<bool, StoreError> {
        self.engine
            .read((), |(), session| {
                Box::pin(
                    async move { Ok(session.has_table("installation").await? && transfer::stands(session).await?) },
                )
            })
            .await
    }
}
