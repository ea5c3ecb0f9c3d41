//! Shutdown and reload signals.

use tokio::sync::watch;

/// Requests the shutdown of all tasks that wait on its [`ShutdownSignal`].
#[derive(Debug)]
pub(crate) struct ShutdownTrigger(watch::Sender<bool>);

/// The receiver of a shutdown request.
#[derive(Clone, Debug)]
pub(crate) struct ShutdownSignal(watch::Receiver<bool>);

/// Creates a connected trigger and receiver.
pub(crate) fn channel() -> (ShutdownTrigger, ShutdownSignal) {
    let (sender, receiver) = watch::channel(false);
    (ShutdownTrigger(sender), ShutdownSignal(receiver))
}

impl ShutdownTrigger {
    /// Requests the shutdown.
    pub(crate) fn fire(&self) {
        self.0.send_replace(true);
    }
}

impl ShutdownSignal {
    /// Whether the shutdown was requested.
    pub(crate) fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the shutdown is requested.
    pub(crate) async fn requested(&mut self) {
        // An error means that the trigger was dropped, which counts as a request.
        let _ = self.0.wait_for(|requested| *requested).await;
    }
}

/// The signals that end a server: SIGTERM, and SIGINT from a terminal. They are received from the start, so that none
/// is missed.
#[cfg(unix)]
pub(crate) struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Starts receiving the signals, whose default action would end the process immediately.
    ///
    /// # Errors
    /// If the handlers can't be installed.
    pub(crate) fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for a signal and returns its name.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// The signal that ends a server: Ctrl-C.
#[cfg(not(unix))]
pub(crate) struct Signals;

#[cfg(not(unix))]
impl Signals {
    /// Does nothing.
    ///
    /// # Errors
    /// Never.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    /// Waits for Ctrl-C.
    pub(crate) async fn next(&mut self) -> &'static str {
        // Without a signal handler, the server runs until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        "Ctrl-C"
    }
}

/// SIGHUP, which asks the server to reload its certificate.
#[cfg(unix)]
pub(crate) struct ReloadSignals(tokio::signal::unix::Signal);

#[cfg(unix)]
impl ReloadSignals {
    /// Starts receiving the signal, whose default action would end the process.
    ///
    /// # Errors
    /// If the handler can't be installed.
    pub(crate) fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self(signal(SignalKind::hangup())?))
    }

    /// Waits for a signal.
    pub(crate) async fn next(&mut self) {
        // `None` means that no further signals can be received.
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// Other systems have no reload signal.
#[cfg(not(unix))]
pub(crate) struct ReloadSignals;

#[cfg(not(unix))]
impl ReloadSignals {
    /// Does nothing.
    ///
    /// # Errors
    /// Never.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    /// Waits forever.
    pub(crate) async fn next(&mut self) {
        std::future::pending::<()>().await;
    }
}
