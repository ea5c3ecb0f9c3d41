//! The task that seals the audit log.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::{compose::Installation, operations::AuditSealer, serve::shutdown::ShutdownSignal};

/// Interval of checking for unsealed entries, which must be sealed within a second.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Delay while another server holds the lease, and after a failure, to spare an unavailable store.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Seals the audit log until shutdown, then the remaining entries.
pub(crate) async fn run(installation: Installation, mut shutdown: ShutdownSignal) {
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
            Ok(summary) if summary.leased_elsewhere => ticks.reset_after(RETRY_DELAY),
            Ok(summary) if summary.more => ticks.reset_immediately(),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "can't seal the audit log; trying again in 1 s");
                ticks.reset_after(RETRY_DELAY);
            }
        }
    }
    // The same sealer is used, because it may still own the lease.
    if let Err(error) = sealer.seal_tail().await {
        tracing::warn!(%error, "the last audit entries are not sealed yet; the next server or command will seal them");
    }
}
