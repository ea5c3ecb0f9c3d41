//! Maintenance: leases, deletion of expired idempotency keys, and readiness.

use std::{sync::LazyLock, time::Duration};

use ::store::{Lease, Maintenance};
use async_trait::async_trait;
use kernel::{StoreError, Timestamp};

use super::{SqlStore, outbox};
use crate::engine::{Sql, Value};

static ACQUIRE_LEASE: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "INSERT INTO leases (name, holder, expires_at) VALUES (?, ?, ?) \
         ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at \
         WHERE leases.holder = excluded.holder OR leases.expires_at <= ?",
    )
});
static RELEASE_LEASE: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("DELETE FROM leases WHERE name = ? AND holder = ?"));
static DELETE_EXPIRED_KEYS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "DELETE FROM idempotency WHERE (organization_id, account_id, operation, key) IN \
         (SELECT organization_id, account_id, operation, key FROM idempotency WHERE expires_at < ? \
         ORDER BY expires_at, organization_id, account_id, operation, key LIMIT ?)",
    )
});

#[async_trait]
impl Maintenance for SqlStore {
    async fn acquire_lease(
        &self,
        lease: Lease,
        owner: &str,
        now: Timestamp,
        duration: Duration,
    ) -> Result<bool, StoreError> {
        let values: [Value<'static>; 4] =
            [Value::text(lease.name()), owner.to_owned().into(), (now + duration).into(), now.into()];
        self.engine
            .write(values, |values, session| Box::pin(session.execute(&ACQUIRE_LEASE, values)))
            .await
            .map(|affected| affected == 1)
    }

    async fn release_lease(&self, lease: Lease, owner: &str) -> Result<(), StoreError> {
        let values: [Value<'static>; 2] = [Value::text(lease.name()), owner.to_owned().into()];
        self.engine.write(values, |values, session| Box::pin(session.execute(&RELEASE_LEASE, values))).await.map(drop)
    }

    async fn delete_expired_idempotency_keys(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        let values: [Value<'static>; 2] = [now.into(), Value::Int(i64::try_from(limit).unwrap_or(i64::MAX))];
        self.engine.write(values, |values, session| Box::pin(session.execute(&DELETE_EXPIRED_KEYS, values))).await
    }

    async fn check_ready(&self) -> Result<(), StoreError> {
        self.database.ensure_current().await
    }

    async fn time(&self) -> Result<Timestamp, StoreError> {
        self.database.time().await
    }

    async fn pending_events(&self) -> Result<u64, StoreError> {
        self.engine.read((), |(), session| Box::pin(outbox::pending(session))).await
    }

    fn is_sole_process(&self) -> bool {
        self.registration.is_sole_process()
    }

    async fn close(&self) {
        self.registration.deregister().await;
        self.engine.close().await;
    }
}
