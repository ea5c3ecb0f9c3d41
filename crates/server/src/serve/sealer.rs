//! The task that seals the audit log.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::{compose::Installation, sealing::Sealer, serve::shutdown::Stop};

/// Interval of checking for unsealed entries, which must be sealed within a second.
const EVERY: Duration = Duration::from_millis(500);

/// Delay while another server holds the lease, and after a failure, to spare an unavailable store.
const REST: Duration = Duration::from_secs(1);

/// Seals the audit log until shutdown, then the remaining entries.
pub(crate) async fn keep_sealed(installation: Installation, mut shutdown: Stop) {
    let mut sealer = Sealer::new(&installation);
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = shutdown.asked() => break,
            _ = ticks.tick() => {}
        }
        match sealer.round().await {
            Ok(summary) if summary.elsewhere => ticks.reset_after(REST),
            Ok(summary) if summary.more => ticks.reset_immediately(),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "can't seal the audit log; trying again in 1 s");
                ticks.reset_after(REST);
            }
        }
    }
    // The same sealer is used, because it may still own the lease.
    if let Err(error) = sealer.seal_tail().await {
        tracing::warn!(%error, "the last audit entries are not sealed yet; the next server or command will seal them");
    }
}
