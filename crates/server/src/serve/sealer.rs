//! The task that keeps the audit log sealed.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::{compose::Installation, sealing::Sealer, serve::shutdown::Stop};

/// How often it looks whether entries wait, which are to be sealed within a second.
const EVERY: Duration = Duration::from_millis(500);

/// Rests while another server seals, and after a failure, so that a store that is away is asked less.
const REST: Duration = Duration::from_secs(1);

/// Seals until it is time to stop, and then what is left.
pub(crate) async fn keep_sealed(installation: Installation, mut stop: Stop) {
    let mut sealer = Sealer::new(&installation);
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.asked() => break,
            _ = ticks.tick() => {}
        }
        match sealer.round().await {
            Ok(round) if round.elsewhere => ticks.reset_after(REST),
            Ok(round) if round.more => ticks.reset_immediately(),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "can't seal the audit log");
                ticks.reset_after(REST);
            }
        }
    }
    // Under the same name, since the lease may still be held under it.
    if let Err(error) = sealer.seal_tail().await {
        tracing::warn!(%error, "the end of the audit log is not sealed; the next server or command will do it");
    }
}
