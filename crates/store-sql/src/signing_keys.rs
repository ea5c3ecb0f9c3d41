//! Token signing keys.

use std::{borrow::Cow, sync::LazyLock};

use async_trait::async_trait;
use auth::{SealedKey, SigningKeys};
use kernel::StoreError;

use crate::{
    engine::{Cells, Sql, Value},
    store::SqlStore,
};

static ALL: LazyLock<Sql> =
    LazyLock::new(|| Sql::fixed("SELECT id, algorithm, sealed, created_at FROM signing_keys ORDER BY created_at, id"));
/// PostgreSQL would let two first keys in at once, but for the lease's row, which one of them waits for.
static GUARD: LazyLock<Sql> = LazyLock::new(|| {
    Sql::fixed(
        "INSERT INTO leases (name, holder, expires_at) VALUES ('first-signing-key', '', 0) \
         ON CONFLICT (name) DO UPDATE SET expires_at = excluded.expires_at",
    )
});
static ADD_FIRST: LazyLock<Sql> = LazyLock::new(|| {
    Sql::fixed(
        "INSERT INTO signing_keys (id, algorithm, sealed, created_at) \
         SELECT ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM signing_keys)",
    )
});

#[async_trait]
impl SigningKeys for SqlStore {
    async fn signing_keys(&self) -> Result<Vec<SealedKey>, StoreError> {
        self.engine.read((), |(), session| Box::pin(session.fetch(&ALL, &[], read))).await
    }

    async fn add_first_signing_key(&self, key: &SealedKey) -> Result<(), StoreError> {
        self.engine
            .write(key.clone(), |key, session| {
                Box::pin(async move {
                    session.execute(&GUARD, &[]).await?;
                    let values = [
                        Value::text(&key.id),
                        Value::text(&key.algorithm),
                        Value::Blob(Cow::Borrowed(&key.sealed)),
                        key.created_at.into(),
                    ];
                    session.execute(&ADD_FIRST, &values).await.map(drop)
                })
            })
            .await
    }
}

fn read(cells: &mut Cells<'_>) -> Result<SealedKey, StoreError> {
    Ok(SealedKey {
        id: cells.text()?.to_owned(),
        algorithm: cells.text()?.to_owned(),
        sealed: cells.blob()?.to_vec(),
        created_at: cells.time()?,
    })
}
