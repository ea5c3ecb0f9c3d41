//! The task that lets witnesses cosign the heads of the installation's log.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::{operations::AuditWitnesses, serve::shutdown::ShutdownSignal};

/// Sends the newest head to the witnesses at each interval until shutdown.
pub(crate) async fn run(mut witnesses: AuditWitnesses, every: Duration, mut shutdown: ShutdownSignal) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = shutdown.requested() => break,
            _ = ticks.tick() => {}
        }
        tokio::select! {
            biased;
            // A round may be stopped at any point, and a witness that does not answer must not delay the shutdown.
            () = shutdown.requested() => break,
            cosigned = witnesses.run_once() => if let Err(error) = cosigned {
                tracing::warn!(%error, "can't let witnesses cosign the installation's log; trying again in {} s", every.as_secs());
            }
        }
    }
    if let Err(error) = witnesses.release().await {
        tracing::warn!(%error, "another server can let witnesses cosign the installation's log in 2 minutes only");
    }
}
