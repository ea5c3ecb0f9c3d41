//! The server's certificate while it runs: looked at now and then and on SIGHUP, and exchanged when its files have changed.
//!
//! Connections that are there go on with what they began with; new ones get what is current.

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
        shutdown::{Hangups, Stop},
    },
    tls::{CertificateFiles, Contents, Identity},
};

/// How often the files are read: two small ones, and renewed certificates are long from their end.
const EVERY: Duration = Duration::from_secs(5);

/// What is measured of the certificate.
struct Figures {
    expires: IntGauge,
    refused: IntCounter,
}

/// Keeps the identity that new connections get the one in the files.
pub(crate) struct Keeper {
    files: CertificateFiles,
    /// What the files held when last they were looked at, good or not, so that each state of them is judged once.
    seen: Option<Arc<Contents>>,
    current: watch::Sender<Identity>,
    hangups: Hangups,
}

/// What a look at the files brought.
enum Look {
    Same,
    Exchanged,
    Broken(Failure),
}

impl Keeper {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// What is wrong with which file: a server does not start on a broken pair.
    pub(crate) fn open(files: &CertificateFiles) -> Result<Self, Failure> {
        let contents = files.read()?;
        let (current, _) = watch::channel(files.understand(&contents)?);
        Ok(Self { files: files.clone(), seen: Some(Arc::new(contents)), current, hangups: Hangups::take()? })
    }

    /// The identity that is current, whenever it is asked for.
    pub(crate) fn current(&self) -> watch::Receiver<Identity> {
        self.current.subscribe()
    }

    /// Starts the task that does it.
    ///
    /// # Errors
    /// When another has been started that is measured in the same place.
    pub(crate) fn start(self, clock: Arc<dyn Clock>, metrics: &Metrics, stop: Stop) -> Result<JoinHandle<()>, Failure> {
        let figures = Figures::among(metrics)?;
        Ok(tokio::spawn(self.keep(clock, figures, interval(EVERY), stop)))
    }

    /// Looks at the files with every tick and hangup, until it is time to stop.
    async fn keep(mut self, clock: Arc<dyn Clock>, figures: Figures, mut ticks: Interval, mut stop: Stop) {
        self.tell(&*clock, &figures);
        loop {
            tokio::select! {
                biased;
                () = stop.asked() => return,
                _ = ticks.tick() => {}
                () = self.hangups.next() => {}
            }
            match self.look().await {
                Look::Same => {}
                Look::Exchanged => {
                    tracing::info!("new connections get another certificate");
                    self.tell(&*clock, &figures);
                }
                Look::Broken(failure) => {
                    figures.refused.inc();
                    tracing::error!(
                        "the certificate stays as it was, for what is in its files now is no good: {failure}"
                    );
                }
            }
        }
    }

    /// Says until when what is current is good.
    fn tell(&self, clock: &dyn Clock, figures: &Figures) {
        let current = self.current.borrow();
        figures.expires.set(current.expires_at.seconds());
        match current.doubt(clock.now()) {
            Some(doubt) => tracing::warn!("{doubt}"),
            None => tracing::info!("the certificate is good until {}", current.expires_at),
        }
    }

    async fn look(&mut self) -> Look {
        let (files, seen) = (self.files.clone(), self.seen.clone());
        let looked = spawn_blocking(move || match files.read() {
            Ok(contents) if seen.as_deref() == Some(&contents) => None,
            Ok(contents) => Some((files.understand(&contents), Some(Arc::new(contents)))),
            // A file that is away is told of once; that it is there again is a change.
            Err(failure) => seen.map(|_| (Err(failure), None)),
        });
        match looked.await {
            Ok(None) => Look::Same,
            Ok(Some((Ok(identity), seen))) => {
                self.seen = seen;
                self.current.send_replace(identity);
                Look::Exchanged
            }
            Ok(Some((Err(failure), seen))) => {
                self.seen = seen;
                Look::Broken(failure)
            }
            Err(error) => Look::Broken(error.into()),
        }
    }
}

impl Figures {
    /// Adds them to what is measured.
    ///
    /// # Errors
    /// When they are there already.
    fn among(metrics: &Metrics) -> Result<Self, Failure> {
        let expires = IntGauge::new(
            "novantra_tls_certificate_expiry_timestamp_seconds",
            "When the certificate ends, or the first of its chain.",
        )?;
        let refused =
            IntCounter::new("novantra_tls_certificate_refused_total", "Changes of its files that were no good.")?;
        metrics.add(Box::new(expires.clone()))?;
        metrics.add(Box::new(refused.clone()))?;
        Ok(Self { expires, refused })
    }
}
