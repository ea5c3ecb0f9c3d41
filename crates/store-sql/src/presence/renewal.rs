//! The task that renews this process's row and deletes the expired rows of other processes.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use kernel::StoreError;
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};
use ulid::Ulid;

use super::{Shared, row};
use crate::engine::Engine;

/// The interval of renewals. `X-As-Of` of other processes lags behind by up to this.
const EVERY: Duration = Duration::from_secs(1);

/// The number of successful renewals in a row before rows of others are considered expired: after an outage of the
/// database all of them are, until each process has renewed its own.
const STEADY: u32 = 3;

/// Renews the row and deletes expired ones until the task is aborted.
pub(super) async fn keep_up(shared: Arc<Shared>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut steady, mut sweep) = (0, None);
    loop {
        ticks.tick().await;
        match turn(&shared, steady >= STEADY, &mut sweep).await {
            Ok(()) => steady += 1,
            Err(error) => {
                steady = 0;
                tracing::warn!(%error, "could not renew the registration of this process: it expires soon");
            }
        }
    }
}

async fn turn(shared: &Shared, steady: bool, sweep: &mut Option<JoinHandle<()>>) -> Result<(), StoreError> {
    if let Some(registration) = shared.entered() {
        renew(shared, registration.row).await?;
    }
    let others = row::rows_of_others(&shared.engine, shared.row()).await?;
    shared.alone.store(others.is_empty(), Ordering::Relaxed);
    let overdue: Vec<Ulid> = others.into_iter().filter_map(|(row, overdue)| overdue.then_some(row)).collect();
    let sweep_finished = sweep.as_ref().is_none_or(JoinHandle::is_finished);
    if steady && sweep_finished && !overdue.is_empty() {
        // A task of its own, because it waits for any commit of a dead process that still runs in the database.
        *sweep = Some(tokio::spawn(take_away(Arc::clone(&shared.engine), overdue)));
    }
    Ok(())
}

async fn renew(shared: &Shared, row: Ulid) -> Result<(), StoreError> {
    if row::renew(&shared.engine, row, shared.stamps.horizon()).await? {
        // If this clock is behind another process's, the watermarks that others return would wait for it.
        let returned = shared.mark.read().await.map(|_| shared.mark.told())?;
        shared.stamps.raise(returned);
        return Ok(());
    }
    tracing::warn!("this process's registration expired, so its in-flight writes are refused; registering again");
    shared.enter_again().await
}

async fn take_away(engine: Arc<Engine>, overdue: Vec<Ulid>) {
    for row in overdue {
        match row::remove_overdue(&engine, row).await {
            Ok(true) => tracing::warn!("the registration of another process expired: it no longer holds X-As-Of back"),
            Ok(false) => {}
            Err(error) => return tracing::warn!(%error, "could not delete an expired registration: X-As-Of lags"),
        }
    }
}
