//! Maintenance: leases, deletion of expired idempotency keys, and readiness.

use std::{
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use ::store::{Lease, Maintenance};
use async_trait::async_trait;
use kernel::{StoreError, Timestamp};
use tokio::sync::Mutex;

use super::{SqlStore, clock, outbox};
use crate::{
    engine::{Engine, Sql, Value},
    installation_guard::InstallationGuard,
};

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

/// Writes a row over and over, because a database that can be read may refuse every write: on a full disk, on a
/// read-only file system, on a standby.
static PROBE: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text_with_now(
        "INSERT INTO installation (key, value) VALUES ('write_probe', CAST({now} AS text)) \
         ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    )
});

/// The minimum interval between two probes of which the first succeeded: anyone who reaches the admin listener can ask.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// The probe of whether the database is the right one and accepts writes.
#[derive(Default)]
pub(super) struct WriteProbe {
    succeeded_at: Mutex<Option<Instant>>,
}

impl WriteProbe {
    /// Writes to the database, unless a write has just succeeded. Concurrent calls share one write.
    async fn run(&self, engine: &Engine, guard: &Arc<InstallationGuard>) -> Result<(), StoreError> {
        let mut succeeded_at = self.succeeded_at.lock().await;
        if succeeded_at.is_some_and(|at| at.elapsed() < PROBE_INTERVAL) {
            return Ok(());
        }
        *succeeded_at = None;
        engine
            .write(Arc::clone(guard), |guard, session| {
                Box::pin(async move {
                    guard.verify(session).await?;
                    session.execute(&PROBE, &[]).await
                })
            })
            .await?;
        *succeeded_at = Some(Instant::now());
        Ok(())
    }
}

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
            [Value::Text(lease.name()), owner.to_owned().into(), (now + duration).into(), now.into()];
        self.engine
            .write(values, |values, session| Box::pin(session.execute(&ACQUIRE_LEASE, values)))
            .await
            .map(|affected| affected == 1)
    }

    async fn release_lease(&self, lease: Lease, owner: &str) -> Result<(), StoreError> {
        let values: [Value<'static>; 2] = [Value::Text(lease.name()), owner.to_owned().into()];
        self.engine.write(values, |values, session| Box::pin(session.execute(&RELEASE_LEASE, values))).await.map(drop)
    }

    async fn delete_expired_idempotency_keys(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        let values: [Value<'static>; 2] = [now.into(), Value::Int(i64::try_from(limit).unwrap_or(i64::MAX))];
        self.engine.write(values, |values, session| Box::pin(session.execute(&DELETE_EXPIRED_KEYS, values))).await
    }

    async fn discard_future_state(&self, now: Timestamp, idempotency_retention: Duration) -> Result<(), StoreError> {
        self.engine
            .write((now, idempotency_retention), |(now, idempotency_retention), session| {
                Box::pin(async move {
                    clock::discard_future_state(session, *now).await?;
                    clock::cap_future_times(session, *now, *idempotency_retention).await
                })
            })
            .await
    }

    async fn check_ready(&self) -> Result<(), StoreError> {
        self.database.ensure_current().await?;
        self.write_probe.run(&self.engine, &self.installation_guard).await
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
        if let Err(error) = self.store_last_row().await {
            tracing::warn!(%error, "could not store the last row of audit entries: this process counts as killed");
        }
        self.registration.deregister().await;
        self.engine.close().await;
    }
}
