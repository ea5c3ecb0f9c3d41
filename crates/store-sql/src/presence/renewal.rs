//! The task that keeps a process's row, and takes away those of processes that are gone.

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

/// How often a process says that it is there. Lists of other processes lag behind by as much.
const EVERY: Duration = Duration::from_secs(1);

/// How many renewals must have gone well in a row before rows of others count as overdue: after the database was away, all
/// of them are, until each process had its turn.
const STEADY: u32 = 3;

/// Renews and takes away for as long as it runs.
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
                tracing::warn!(%error, "the row of open writes was not renewed");
            }
        }
    }
}

async fn turn(shared: &Shared, steady: bool, sweep: &mut Option<JoinHandle<()>>) -> Result<(), StoreError> {
    if let Some(entered) = shared.entered() {
        renew(shared, entered.row).await?;
    }
    let others = row::rows_of_others(&shared.engine, shared.row()).await?;
    shared.alone.store(others.is_empty(), Ordering::Relaxed);
    let overdue: Vec<Ulid> = others.into_iter().filter_map(|(row, overdue)| overdue.then_some(row)).collect();
    let swept = sweep.as_ref().is_none_or(JoinHandle::is_finished);
    if steady && swept && !overdue.is_empty() {
        // Apart, because it waits for whatever commit of a dead process is still under way in the database.
        *sweep = Some(tokio::spawn(take_away(Arc::clone(&shared.engine), overdue)));
    }
    Ok(())
}

async fn renew(shared: &Shared, row: Ulid) -> Result<(), StoreError> {
    if row::renew(&shared.engine, row, shared.stamps.horizon()).await? {
        // Where this clock is behind another's, what others were told would wait for it.
        let told = shared.mark.read().await.map(|_| shared.mark.told())?;
        shared.stamps.raise(told);
        return Ok(());
    }
    tracing::warn!("others took this process for gone: what it has under way is refused, and it enters again");
    shared.enter_again().await
}

async fn take_away(engine: Arc<Engine>, overdue: Vec<Ulid>) {
    for row in overdue {
        match row::remove_overdue(&engine, row).await {
            Ok(true) => tracing::warn!("a process that was not heard of for too long no longer holds X-As-Of back"),
            Ok(false) => {}
            Err(error) => return tracing::warn!(%error, "a row of open writes that is overdue stays"),
        }
    }
}
