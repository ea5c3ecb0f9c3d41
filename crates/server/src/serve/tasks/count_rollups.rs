//! The task that counts records for rollups.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::{
    operations::RollupCounter,
    serve::{metrics::RollupMetrics, shutdown::ShutdownSignal},
};

/// Interval of looking for records that have changed since they were counted.
const INTERVAL: Duration = Duration::from_secs(10);

/// The least wait after a run that has counted nothing, as a multiple of its duration, so that an installation with very
/// many workspaces spends at most a twentieth of a core on looking for changes. Counts have rests of their own.
const REST: u32 = 20;

/// Counts records until shutdown.
pub(crate) async fn run(counter: RollupCounter, metrics: RollupMetrics, mut shutdown: ShutdownSignal) {
    let mut completed = Instant::now();
    let mut next = completed;
    loop {
        tokio::select! {
            biased;
            () = shutdown.requested() => return,
            () = sleep_until(next) => {}
        }
        let began = Instant::now();
        let outcome = tokio::select! {
            biased;
            // A count that is dropped has stored nothing, and its lease expires.
            () = shutdown.requested() => return,
            outcome = counter.run_once() => outcome,
        };
        let mut rest = INTERVAL;
        match outcome {
            Ok(counted) => {
                metrics.record_run(counted);
                completed = Instant::now();
                if counted == 0 {
                    rest = rest.max(began.elapsed() * REST);
                }
            }
            Err(error) => {
                metrics.record_failure(completed.elapsed());
                tracing::warn!(%error, "can't count records for the overview; trying again in 10 s");
            }
        }
        next = Instant::now() + rest;
    }
}
