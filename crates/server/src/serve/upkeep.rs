//! The task that does, every minute, what no call should wait for.

use std::time::Duration;

use api::App;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::{compose::Installation, serve::shutdown::Stop, settings::Settings, signing_keys};

const EVERY: Duration = Duration::from_secs(60);

/// How many idempotency records are forgotten in one statement.
const FORGET: usize = 1000;

/// How many webhook deliveries, and how many events, are forgotten in one statement.
const PRUNE: usize = 1000;

/// Notes last uses and counted refusals, forgets idempotency records that expired and webhook deliveries that have been kept
/// for long enough, and tends the token signing keys, until it is time to stop.
pub(crate) async fn keep_up(installation: Installation, app: App, settings: Settings, mut stop: Stop) {
    let mut ticks = interval_at(Instant::now() + EVERY, EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.asked() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = app.keep_up().await {
            tracing::warn!(%error, "can't note last uses");
        }
        if let Err(error) = forget(&installation).await {
            tracing::warn!(%error, "can't forget expired idempotency keys");
        }
        if let Err(error) = prune(&installation, settings.webhooks.retention).await {
            tracing::warn!(%error, "can't forget old webhook deliveries");
        }
        if let Err(failure) = signing_keys::tend(&installation, settings.signing_key_lifetime).await {
            tracing::warn!(%failure, "can't tend the signing keys");
        }
    }
}

async fn forget(installation: &Installation) -> Result<(), kernel::StoreError> {
    loop {
        let forgotten = installation.store.forget_expired(installation.clock.now(), FORGET).await?;
        if usize::try_from(forgotten).is_ok_and(|forgotten| forgotten < FORGET) {
            return Ok(());
        }
    }
}

async fn prune(installation: &Installation, retention: Duration) -> Result<(), kernel::StoreError> {
    let before = installation.clock.now() - retention;
    loop {
        let pruned = installation.store.prune(before, PRUNE).await?;
        if usize::try_from(pruned).is_ok_and(|pruned| pruned < PRUNE) {
            return Ok(());
        }
    }
}
