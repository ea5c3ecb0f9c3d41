//! Reloading of the server's certificate: its files are read every 5 s and on SIGHUP, and changed ones replace it.
//!
//! Open connections keep the certificate they began with; new connections get the current one.

use std::{sync::Arc, time::Duration};

use kernel::Clock;
use prometheus::{IntCounter, IntGauge};
use tokio::{
    sync::watch,
    task::{JoinHandle, spawn_blocking},
    time::{Interval, interval},
};

use crate::{
    failure::Failure,
    serve::{
        metrics::Metrics,
        shutdown::{ReloadSignals, ShutdownSignal},
    },
    tls::{CertificateFiles, Contents, Identity},
};

/// Interval of reading the files. Both are small, and certificates are renewed long before they expire.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// The metrics of the certificate.
struct CertificateMetrics {
    expires: IntGauge,
    refused: IntCounter,
}

/// Reloads the certificate of new connections when its files change.
pub(crate) struct CertificateReloader {
    files: CertificateFiles,
    /// The contents of the files when they were last read, valid or not, so that each version is checked only once.
    seen: Option<Arc<Contents>>,
    current: watch::Sender<Identity>,
    reload_signals: ReloadSignals,
}

/// The outcome of reading the files.
enum ReloadOutcome {
    Unchanged,
    Reloaded,
    Invalid(Failure),
}

impl CertificateReloader {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// If a file can't be read or the pair is invalid. The server then does not start.
    pub(crate) fn open(files: &CertificateFiles) -> Result<Self, Failure> {
        let contents = files.read()?;
        let (current, _) = watch::channel(files.parse(&contents)?);
        Ok(Self {
            files: files.clone(),
            seen: Some(Arc::new(contents)),
            current,
            reload_signals: ReloadSignals::listen()?,
        })
    }

    /// A receiver of the current identity.
    pub(crate) fn current(&self) -> watch::Receiver<Identity> {
        self.current.subscribe()
    }

    /// Spawns the task that reloads the certificate.
    ///
    /// # Errors
    /// If the metrics are registered already.
    pub(crate) fn start(
        self,
        clock: Arc<dyn Clock>,
        metrics: &Metrics,
        shutdown: ShutdownSignal,
    ) -> Result<JoinHandle<()>, Failure> {
        let figures = CertificateMetrics::register(metrics)?;
        Ok(tokio::spawn(self.run(clock, figures, interval(POLL_INTERVAL), shutdown)))
    }

    /// Reads the files at every tick and SIGHUP until the server shuts down.
    async fn run(
        mut self,
        clock: Arc<dyn Clock>,
        figures: CertificateMetrics,
        mut ticks: Interval,
        mut shutdown: ShutdownSignal,
    ) {
        self.report_expiry(&*clock, &figures);
        loop {
            tokio::select! {
                biased;
                () = shutdown.requested() => return,
                _ = ticks.tick() => {}
                () = self.reload_signals.next() => {}
            }
            match self.reload().await {
                ReloadOutcome::Unchanged => {}
                ReloadOutcome::Reloaded => {
                    tracing::info!("loaded a new certificate for new connections");
                    self.report_expiry(&*clock, &figures);
                }
                ReloadOutcome::Invalid(failure) => {
                    figures.refused.inc();
                    tracing::error!(
                        "the certificate files changed but can't be used; the server keeps the previous certificate: {failure}"
                    );
                }
            }
        }
    }

    /// Logs and measures when the current certificate expires.
    fn report_expiry(&self, clock: &dyn Clock, figures: &CertificateMetrics) {
        let current = self.current.borrow();
        figures.expires.set(current.expires_at.seconds());
        match current.expiry_warning(clock.now()) {
            Some(warning) => tracing::warn!("{warning}"),
            None => tracing::info!("the certificate is valid until {}", current.expires_at),
        }
    }

    async fn reload(&mut self) -> ReloadOutcome {
        let (files, seen) = (self.files.clone(), self.seen.clone());
        let read = spawn_blocking(move || match files.read() {
            Ok(contents) if seen.as_deref() == Some(&contents) => None,
            Ok(contents) => Some((files.parse(&contents), Some(Arc::new(contents)))),
            // A missing file is reported only once; its return counts as a change.
            Err(failure) => seen.map(|_| (Err(failure), None)),
        });
        match read.await {
            Ok(None) => ReloadOutcome::Unchanged,
            Ok(Some((Ok(identity), seen))) => {
                self.seen = seen;
                self.current.send_replace(identity);
                ReloadOutcome::Reloaded
            }
            Ok(Some((Err(failure), seen))) => {
                self.seen = seen;
                ReloadOutcome::Invalid(failure)
            }
            Err(error) => ReloadOutcome::Invalid(error.into()),
        }
    }
}

impl CertificateMetrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// If they are registered already.
    fn register(metrics: &Metrics) -> Result<Self, Failure> {
        let expires = IntGauge::new(
            "novantra_tls_certificate_expiry_timestamp_seconds",
            "Unix time at which the first certificate of the chain expires.",
        )?;
        let refused = IntCounter::new(
            "novantra_tls_certificate_refused_total",
            "Changes of the certificate files that could not be used.",
        )?;
        metrics.register(Box::new(expires.clone()))?;
        metrics.register(Box::new(refused.clone()))?;
        Ok(Self { expires, refused })
    }
}
