//! The task that reloads the server's certificate: it reads the files every 5 s and on SIGHUP.

use std::{sync::Arc, time::Duration};

use kernel::Clock;
use tokio::time::interval;

use crate::serve::{
    listen::{CertificateReloader, ReloadOutcome},
    metrics::CertificateMetrics,
    shutdown::ShutdownSignal,
};

/// Interval of reading the files. Both are small, and certificates are renewed long before they expire.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// Reloads the certificate at every tick and SIGHUP until the server shuts down.
pub(crate) async fn run(
    mut reloader: CertificateReloader,
    clock: Arc<dyn Clock>,
    metrics: CertificateMetrics,
    mut shutdown: ShutdownSignal,
) {
    let mut ticks = interval(POLL_INTERVAL);
    report_expiry(&reloader, &*clock, &metrics);
    loop {
        tokio::select! {
            biased;
            () = shutdown.requested() => return,
            _ = ticks.tick() => {}
            () = reloader.reload_requested() => {}
        }
        match reloader.reload().await {
            ReloadOutcome::Unchanged => {}
            ReloadOutcome::Reloaded => {
                tracing::info!("loaded a new certificate for new connections");
                report_expiry(&reloader, &*clock, &metrics);
            }
            ReloadOutcome::Invalid(failure) => {
                metrics.refused.inc();
                tracing::error!(
                    "the certificate files changed but can't be used; the server keeps the previous certificate: {failure}"
                );
            }
        }
    }
}

/// Logs and measures when the current certificate expires.
fn report_expiry(reloader: &CertificateReloader, clock: &dyn Clock, metrics: &CertificateMetrics) {
    let current = reloader.current();
    let identity = current.borrow();
    metrics.expires.set(identity.expires_at.seconds());
    match identity.expiry_warning(clock.now()) {
        Some(warning) => tracing::warn!("{warning}"),
        None => tracing::info!("the certificate is valid until {}", identity.expires_at),
    }
}
