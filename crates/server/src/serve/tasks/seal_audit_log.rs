//! The task that seals the audit log, compacts it, and converts entries of an earlier version.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::{
    compose::Installation,
    operations::AuditSealer,
    serve::{metrics::AuditMetrics, shutdown::ShutdownSignal},
};

/// Interval of checking for unsealed entries, which must be sealed within a second.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Delay while another server holds the lease, and after a failure, to spare an unavailable store.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Seals the audit log until shutdown, then the remaining entries.
pub(crate) async fn run(installation: Installation, metrics: AuditMetrics, mut shutdown: ShutdownSignal) {
    let mut sealer = AuditSealer::new(&installation);
    let mut ticks = interval(POLL_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = shutdown.requested() => break,
            _ = ticks.tick() => {}
        }
        match sealer.run_once().await {
            Ok(summary) => {
                metrics.record_sealed(summary.sealed, summary.refused, summary.missing);
                if summary.leased_elsewhere {
                    ticks.reset_after(RETRY_DELAY);
                    continue;
                }
                if summary.is_outdated {
                    // Something may be refused again and again. Compaction does not wait for it.
                    ticks.reset_after(RETRY_DELAY);
                } else if summary.more {
                    // Entries that wait come before those that are sealed.
                    ticks.reset_immediately();
                    continue;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "can't seal the audit log; trying again in 1 s");
                ticks.reset_after(RETRY_DELAY);
                continue;
            }
        }
        match sealer.keep_up().await {
            Ok(summary) => {
                metrics.record_compacted(summary.compacted_runs);
                metrics.set_unconverted(summary.unconverted);
            }
            Err(error) => {
                tracing::warn!(%error, "can't compact the audit log or convert earlier entries; trying again in 1 s");
                ticks.reset_after(RETRY_DELAY);
            }
        }
    }
    // The same sealer is used, because it may still own the lease.
    if let Err(error) = sealer.seal_tail().await {
        tracing::warn!(%error, "the last audit entries are not sealed yet; the next server or command will seal them");
    }
}
