//! The task that removes attachments that were not linked in time, and objects that no record names.

use std::{sync::Arc, time::Duration};

use evidence::ContentStore;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::{
    compose::Installation,
    operations::{AttachmentSweeper, SweepSummary},
    serve::shutdown::ShutdownSignal,
};

const INTERVAL: Duration = Duration::from_secs(60);

/// Sweeps every minute until shutdown.
pub(crate) async fn run(installation: Installation, contents: Arc<dyn ContentStore>, mut shutdown: ShutdownSignal) {
    let mut sweeper = AttachmentSweeper::new(&installation, contents);
    let mut ticks = interval_at(Instant::now() + INTERVAL, INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = shutdown.requested() => return,
            _ = ticks.tick() => {}
        }
        tokio::select! {
            biased;
            // A sweep may be stopped at any point, and a bucket that does not answer must not delay the shutdown.
            () = shutdown.requested() => return,
            () = sweep(&installation, &mut sweeper) => {}
        }
    }
}

async fn sweep(installation: &Installation, sweeper: &mut AttachmentSweeper) {
    if let Err(error) = installation.attachments.ensure_owned(&*installation.store).await {
        tracing::warn!(%error, "nothing is removed from the store of attachments; trying again in 60 s");
        return;
    }
    match sweeper.run_once().await {
        Ok(SweepSummary { attachments: 0, objects: 0, uploads: 0 }) => {}
        Ok(SweepSummary { attachments, objects, uploads }) => tracing::info!(
            attachments,
            objects,
            uploads,
            "removed attachments that were not linked to a claim within 24 h, and objects and uploads that belong to no attachment"
        ),
        Err(error) => {
            tracing::warn!(%error, "can't remove attachments that nobody has linked; trying again in 60 s");
        }
    }
}
