//! The signing keys of access tokens.

use std::{borrow::Cow, collections::BTreeSet, sync::LazyLock, time::Duration};

use async_trait::async_trait;
use auth::{EncryptedSigningKey, KeyChange, Keyring, PublishedKey, SigningKeys};
use kernel::{Changeset, CommitError, StoreError, Timestamp};

use super::{SqlStore, commit::commit};
use crate::engine::{RowReader, Session, Sql, Value};

/// Selects the keys with the current time, in one statement and therefore by one clock. Without keys, only the time.
static ALL: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text_with_now(
        "SELECT present.moment, k.id, k.algorithm, k.sealed, k.created_at, k.signs_from \
         FROM (SELECT {now} AS moment) AS present LEFT JOIN signing_keys AS k ON 1 = 1",
    )
});
static IDS: LazyLock<Sql> = LazyLock::new(|| Sql::from_text("SELECT id FROM signing_keys"));
/// Locks the row of a lease, so that concurrent changes on PostgreSQL wait for each other.
static LOCK: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "INSERT INTO leases (name, holder, expires_at) VALUES ('signing-keys', '', 0) \
         ON CONFLICT (name) DO UPDATE SET expires_at = excluded.expires_at",
    )
});
static ADD: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text_with_now(
        "INSERT INTO signing_keys (id, algorithm, sealed, created_at, signs_from) VALUES (?, ?, ?, ?, {now} + ?)",
    )
});
static DROP: LazyLock<Sql> = LazyLock::new(|| Sql::from_text("DELETE FROM signing_keys WHERE id = ?"));

#[async_trait]
impl SigningKeys for SqlStore {
    async fn signing_keys(&self) -> Result<Keyring, StoreError> {
        let rows = self.engine.read_point((), |(), session| Box::pin(session.fetch(&ALL, &[], read))).await?;
        let at = rows.first().map_or(Timestamp::MIN, |(at, _)| *at);
        Ok(Keyring::new(at, rows.into_iter().filter_map(|(_, key)| key).collect()))
    }

    async fn add_first_signing_key(&self, key: &EncryptedSigningKey) -> Result<(), StoreError> {
        self.engine
            .write(key.clone(), |key, session| {
                Box::pin(async move {
                    if lock_and_list_ids(session).await?.is_empty() {
                        add(session, key, Duration::ZERO).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    async fn change_signing_keys(&self, change: &KeyChange, changeset: Changeset) -> Result<bool, CommitError> {
        let input = (self.registration.check(), change.clone(), changeset);
        self.write_entries(
            None,
            input,
            |stored| *stored,
            |((check, change, changeset), rows), session| {
                Box::pin(async move {
                    if lock_and_list_ids(session).await? != change.expected_ids.iter().cloned().collect() {
                        return Ok(false);
                    }
                    for id in &change.drop {
                        session.execute(&DROP, &[Value::text(id)]).await?;
                    }
                    if let Some((key, lead)) = &change.publish {
                        add(session, key, *lead).await?;
                    }
                    commit(session, *check, changeset, rows).await.map(|()| true)
                })
            },
        )
        .await
    }
}

/// Locks the keys against changes until the transaction ends, and returns the ids of all of them.
async fn lock_and_list_ids(session: &Session) -> Result<BTreeSet<String>, StoreError> {
    session.execute(&LOCK, &[]).await?;
    let ids = session.fetch(&IDS, &[], |cells| cells.text().map(str::to_owned)).await?;
    Ok(ids.into_iter().collect())
}

async fn add(session: &Session, key: &EncryptedSigningKey, lead: Duration) -> Result<(), StoreError> {
    let values = [
        Value::text(&key.id),
        Value::text(&key.algorithm),
        Value::Blob(Cow::Borrowed(&key.ciphertext)),
        key.created_at.into(),
        Value::Int(i64::try_from(lead.as_millis()).unwrap_or(i64::MAX)),
    ];
    session.execute(&ADD, &values).await.map(drop)
}

fn read(cells: &mut RowReader<'_>) -> Result<(Timestamp, Option<PublishedKey>), StoreError> {
    let at = cells.time()?;
    let Some(id) = cells.opt_text()? else { return Ok((at, None)) };
    let key = EncryptedSigningKey {
        id: id.to_owned(),
        algorithm: cells.text()?.to_owned(),
        ciphertext: cells.blob()?.to_vec(),
        created_at: cells.time()?,
    };
    Ok((at, Some(PublishedKey { key, signs_from: cells.time()? })))
}
