//! The task that renews this process's row, deletes the expired rows of other processes, and keeps the watermark ceiling
//! from becoming stale.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use kernel::StoreError;
use tokio::{
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval, interval_at},
};
use ulid::Ulid;

use super::{Shared, row};
use crate::engine::Engine;

/// The interval of renewals. `X-As-Of` of other processes lags behind by up to this.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(1);

/// The number of successful renewals in a row before rows of others are considered expired: after an outage of the
/// database all of them are, until each process has renewed its own.
const MIN_STEADY_RENEWALS: u32 = 3;

/// The interval at which the watermark ceiling is kept from becoming stale. A clock that is wrong when the process starts
/// has this time to be put right, as one that jumps ahead later has before it is believed.
const CEILING_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// Renews the row and deletes expired ones until the task is aborted.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut ticks = interval(RENEWAL_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ceiling_ticks = interval_at(Instant::now() + CEILING_INTERVAL, CEILING_INTERVAL);
    ceiling_ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut steady, mut sweep) = (0, None);
    loop {
        tokio::select! {
            biased;
            _ = ceiling_ticks.tick() => {
                refresh_ceiling(&shared).await;
                continue;
            }
            _ = ticks.tick() => {}
        }
        match run_once(&shared, steady >= MIN_STEADY_RENEWALS, &mut sweep).await {
            Ok(()) => steady += 1,
            Err(error) => {
                steady = 0;
                tracing::warn!(%error, "could not renew the registration of this process: it expires soon");
            }
        }
    }
}

async fn refresh_ceiling(shared: &Shared) {
    if let Err(error) = shared.ceiling.refresh(shared.in_flight.low_watermark()).await {
        tracing::warn!(%error, "could not check the age of the watermark ceiling; trying again in 10 min");
    }
}

async fn run_once(shared: &Shared, steady: bool, sweep: &mut Option<JoinHandle<()>>) -> Result<(), StoreError> {
    if let Some(registration) = shared.registration() {
        renew(shared, registration.row).await?;
    }
    let others = row::other_rows(&shared.engine, shared.row_id()).await?;
    shared.is_sole_process.store(others.is_empty(), Ordering::Relaxed);
    let overdue: Vec<Ulid> = others.into_iter().filter_map(|(row, overdue)| overdue.then_some(row)).collect();
    let sweep_finished = sweep.as_ref().is_none_or(JoinHandle::is_finished);
    if steady && sweep_finished && !overdue.is_empty() {
        // A task of its own, because it waits for any commit of a dead process that still runs in the database.
        *sweep = Some(tokio::spawn(remove_all_overdue(Arc::clone(&shared.engine), overdue)));
    }
    Ok(())
}

async fn renew(shared: &Shared, row: Ulid) -> Result<(), StoreError> {
    if row::renew(&shared.engine, &shared.guard, row, shared.in_flight.low_watermark()).await? {
        // If this clock is behind another process's, the watermarks that others return would wait for it.
        let returned = shared.ceiling.read().await.map(|_| shared.ceiling.latest_returned())?;
        shared.in_flight.advance_to(returned);
        return Ok(());
    }
    tracing::warn!("this process's registration expired, so its in-flight writes are refused; registering again");
    shared.register_again().await
}

async fn remove_all_overdue(engine: Arc<Engine>, overdue: Vec<Ulid>) {
    for row in overdue {
        match row::remove_overdue(&engine, row).await {
            Ok(true) => tracing::warn!("the registration of another process expired: it no longer holds X-As-Of back"),
            Ok(false) => {}
            Err(error) => return tracing::warn!(%error, "could not delete an expired registration: X-As-Of lags"),
        }
    }
}
