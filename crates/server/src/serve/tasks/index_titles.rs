//! The task that indexes records for the search.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::{
    operations::SearchIndexer,
    serve::{metrics::SearchMetrics, shutdown::ShutdownSignal},
};

/// Interval of looking for records that have changed since they were indexed.
const INTERVAL: Duration = Duration::from_secs(2);

/// The least wait after a round, as a multiple of its duration, so that an installation with very many workspaces spends at
/// most a twentieth of a core on looking for changes. A round that leaves changes rests by itself.
const REST: u32 = 20;

/// Indexes records until shutdown.
pub(crate) async fn run(indexer: SearchIndexer, metrics: SearchMetrics, mut shutdown: ShutdownSignal) {
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
            // Pages that were indexed are stored, and the lease expires.
            () = shutdown.requested() => return,
            outcome = indexer.run_once() => outcome,
        };
        let mut rest = INTERVAL;
        match outcome {
            Ok(round) => {
                metrics.record_lag(round.lag);
                completed = Instant::now();
                if round.has_more {
                    rest = Duration::ZERO;
                } else if round.pages == 0 {
                    rest = rest.max(began.elapsed() * REST);
                }
            }
            Err(error) => {
                metrics.record_lag(completed.elapsed());
                tracing::warn!(%error, "can't index records for the search; trying again in 2 s");
            }
        }
        next = Instant::now() + rest;
    }
}
