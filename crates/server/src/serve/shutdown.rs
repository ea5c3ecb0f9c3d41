//! Signals: being asked to stop, and to look at one's files again.

use tokio::sync::watch;

/// Asks everything that watches to stop.
#[derive(Debug)]
pub(crate) struct Stopper(watch::Sender<bool>);

/// Knows when it is time to stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

/// A way to ask, and a way to know.
pub(crate) fn stop() -> (Stopper, Stop) {
    let (ask, know) = watch::channel(false);
    (Stopper(ask), Stop(know))
}

impl Stopper {
    /// Asks.
    pub(crate) fn ask(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Whether it was asked.
    pub(crate) fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is asked.
    pub(crate) async fn asked(&mut self) {
        // A stopper that is gone can't ask any more: that is the end as well.
        let _ = self.0.wait_for(|asked| *asked).await;
    }
}

/// The signals that end a server: SIGTERM, or SIGINT from a terminal. Held from the start, so that none is missed.
#[cfg(unix)]
pub(crate) struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Takes them over from the system, which would end the process at once.
    ///
    /// # Errors
    /// When they can't be had.
    pub(crate) fn take() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for one, and says which.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// The signal that ends a server.
#[cfg(not(unix))]
pub(crate) struct Signals;

#[cfg(not(unix))]
impl Signals {
    /// Nothing to take over.
    ///
    /// # Errors
    /// None.
    pub(crate) fn take() -> std::io::Result<Self> {
        Ok(Self)
    }

    /// Waits for Ctrl-C.
    pub(crate) async fn next(&mut self) -> &'static str {
        // Without a way to be told, it runs until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        "Ctrl-C"
    }
}

/// SIGHUP, which would end the process unless it is taken over.
#[cfg(unix)]
pub(crate) struct Hangups(tokio::signal::unix::Signal);

#[cfg(unix)]
impl Hangups {
    /// Takes them over from the system.
    ///
    /// # Errors
    /// When they can't be had.
    pub(crate) fn take() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self(signal(SignalKind::hangup())?))
    }

    /// Waits for one.
    pub(crate) async fn next(&mut self) {
        // Without a way to be told, there is none.
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// Elsewhere there are none.
#[cfg(not(unix))]
pub(crate) struct Hangups;

#[cfg(not(unix))]
impl Hangups {
    /// Nothing to take over.
    ///
    /// # Errors
    /// None.
    pub(crate) fn take() -> std::io::Result<Self> {
        Ok(Self)
    }

    /// Waits for what does not come.
    pub(crate) async fn next(&mut self) {
        std::future::pending::<()>().await;
    }
}
