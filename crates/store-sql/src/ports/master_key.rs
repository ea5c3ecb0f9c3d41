//! The check value of the master key, which identifies the right key.

use std::sync::LazyLock;

use ::store::MasterKeyCheck;
use async_trait::async_trait;
use kernel::StoreError;

use super::SqlStore;
use crate::{
    engine::{Session, Sql, Value, corrupt},
    schema::Database,
};

static SELECT: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("SELECT value FROM installation WHERE key = 'master_key_check'"));
static INSERT: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text("INSERT INTO installation (key, value) VALUES ('master_key_check', ?) ON CONFLICT (key) DO NOTHING")
});

async fn stored_check(session: &Session) -> Result<Option<String>, StoreError> {
    session.fetch_one(&SELECT, &[], |cells| cells.text().map(str::to_owned)).await
}

impl Database {
    /// The check value of the installation's master key, or `None` if the installation is not initialized. Works with
    /// any schema version.
    ///
    /// # Errors
    /// [`StoreError`] if it can't be read.
    pub async fn master_key_check(&self) -> Result<Option<String>, StoreError> {
        self.engine
            .read((), |(), session| {
                Box::pin(async move {
                    if session.has_table("installation").await? { stored_check(session).await } else { Ok(None) }
                })
            })
            .await
    }
}

#[async_trait]
impl MasterKeyCheck for SqlStore {
    async fn master_key_check(&self) -> Result<Option<String>, StoreError> {
        self.engine.read_point((), |(), session| Box::pin(stored_check(session))).await
    }

    async fn store_master_key_check(&self, value: &str) -> Result<String, StoreError> {
        let values: [Value<'static>; 1] = [value.to_owned().into()];
        // In two transactions, so that a caller that lost the race reads the value that the winner stored.
        self.engine.write(values, |values, session| Box::pin(session.execute(&INSERT, values))).await?;
        self.master_key_check().await?.ok_or_else(|| corrupt("the check value of the master key was not stored"))
    }
}
