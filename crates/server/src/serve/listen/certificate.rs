//! The certificate of new connections, and its replacement when its files have changed.
//!
//! Open connections keep the certificate they began with; new connections get the current one.

use std::sync::Arc;

use tokio::{sync::watch, task::spawn_blocking};

use crate::{
    failure::Failure,
    serve::shutdown::ReloadSignals,
    tls::{CertificateFiles, Contents, Identity},
};

/// Provides the certificate of new connections, and reloads it.
pub(crate) struct CertificateReloader {
    files: CertificateFiles,
    /// The contents of the files when they were last read, valid or not, so that each version is checked only once.
    seen: Option<Arc<Contents>>,
    current: watch::Sender<Identity>,
    reload_signals: ReloadSignals,
}

/// The outcome of reading the files again.
pub(crate) enum ReloadOutcome {
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

    /// Waits until a signal asks for a reload.
    pub(crate) async fn reload_requested(&mut self) {
        self.reload_signals.next().await;
    }

    /// Reads the files again. If they have changed and are valid, new connections use them from now on.
    pub(crate) async fn reload(&mut self) -> ReloadOutcome {
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
