//! The task that does periodic maintenance every minute.

use std::time::Duration;

use http_api::App;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::{
    compose::Installation,
    operations::{AuditRetention, rotate_if_due},
    serve::shutdown::ShutdownSignal,
    settings::Settings,
};

const INTERVAL: Duration = Duration::from_secs(60);

/// Number of idempotency records, of sessions, and of links deleted in one statement.
const DELETE_BATCH: usize = 1000;

/// Number of imports of tables deleted in one statement.
const TABLE_BATCH: usize = 20;

/// Number of webhook deliveries, and of events, deleted in one statement.
const PRUNE_BATCH: usize = 1000;

/// Number of counts of calls of each span deleted in one statement.
const CALLS_BATCH: usize = 1000;

/// Until shutdown, stores last uses and the numbers of calls, deletes expired idempotency records, sessions, links and
/// imports of tables, and webhook deliveries and numbers of calls past their retention, bounds audit
/// logs, discards state of a time that the clock no longer shows, and rotates the token signing keys.
pub(crate) async fn run(installation: Installation, app: App, settings: Settings, mut shutdown: ShutdownSignal) {
    let mut retention = AuditRetention::new(&installation, &settings);
    let mut ticks = interval_at(Instant::now() + INTERVAL, INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = shutdown.requested() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = app.store_last_used().await {
            tracing::warn!(%error, "can't store the last uses of accounts; trying again in 60 s");
        }
        if let Err(error) = app.store_calls().await {
            tracing::warn!(%error, "can't store the numbers of calls of accounts; trying again in 60 s");
        }
        if let Err(error) = prune_calls(&installation).await {
            tracing::warn!(%error, "can't delete old numbers of calls; trying again in 60 s");
        }
        if let Err(error) = discard_future_state(&installation, settings.api.idempotency_retention).await {
            tracing::warn!(%error, "can't discard leases, waits and idempotency keys of a clock that was set back; trying again in 60 s");
        }
        if let Err(error) = delete_expired_keys(&installation).await {
            tracing::warn!(%error, "can't delete expired idempotency keys; trying again in 60 s");
        }
        if let Err(error) = delete_expired_sessions(&installation).await {
            tracing::warn!(%error, "can't delete expired sessions and links of users; trying again in 60 s");
        }
        if let Err(error) = delete_expired_tables(&installation).await {
            tracing::warn!(%error, "can't delete expired imports of tables; trying again in 60 s");
        }
        if let Err(error) = prune_deliveries(&installation, settings.webhooks.retention).await {
            tracing::warn!(%error, "can't delete old webhook deliveries; trying again in 60 s");
        }
        if let Err(error) = retention.run_once().await {
            tracing::warn!(%error, "can't remove the oldest entries of audit logs; trying again in 60 s");
        }
        if let Err(failure) = rotate_if_due(&installation, settings.signing_key_lifetime).await {
            tracing::warn!(%failure, "can't rotate or drop token signing keys; trying again in 60 s");
        }
    }
}

/// Discards state of the future, by the later of the installation's clock and the database's: a server whose clock does
/// not believe a jump yet, because it was suspended, would take the leases of all others for ones of the future.
async fn discard_future_state(
    installation: &Installation,
    idempotency_retention: Duration,
) -> Result<(), kernel::StoreError> {
    let now = installation.clock.now().max(installation.store.time().await?);
    installation.store.discard_future_state(now, idempotency_retention).await
}

async fn delete_expired_keys(installation: &Installation) -> Result<(), kernel::StoreError> {
    loop {
        let deleted =
            installation.store.delete_expired_idempotency_keys(installation.clock.now(), DELETE_BATCH).await?;
        if usize::try_from(deleted).is_ok_and(|deleted| deleted < DELETE_BATCH) {
            return Ok(());
        }
    }
}

async fn delete_expired_sessions(installation: &Installation) -> Result<(), kernel::StoreError> {
    loop {
        let now = installation.clock.now();
        let deleted = installation.store.delete_expired_sessions_and_links(now, DELETE_BATCH).await?;
        if usize::try_from(deleted).is_ok_and(|deleted| deleted < DELETE_BATCH) {
            return Ok(());
        }
    }
}

async fn prune_calls(installation: &Installation) -> Result<(), kernel::StoreError> {
    loop {
        let deleted = installation.store.prune_calls(installation.clock.now(), CALLS_BATCH).await?;
        if usize::try_from(deleted).is_ok_and(|deleted| deleted < CALLS_BATCH) {
            return Ok(());
        }
    }
}

async fn delete_expired_tables(installation: &Installation) -> Result<(), kernel::StoreError> {
    loop {
        let now = installation.clock.now();
        let deleted = installation.store.delete_expired_table_imports(now, TABLE_BATCH).await?;
        if usize::try_from(deleted).is_ok_and(|deleted| deleted < TABLE_BATCH) {
            return Ok(());
        }
    }
}

async fn prune_deliveries(installation: &Installation, retention: Duration) -> Result<(), kernel::StoreError> {
    let before = installation.clock.now() - retention;
    loop {
        let deleted = installation.store.prune(before, PRUNE_BATCH).await?;
        if usize::try_from(deleted).is_ok_and(|deleted| deleted < PRUNE_BATCH) {
            return Ok(());
        }
    }
}
