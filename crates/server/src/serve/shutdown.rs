//! Being asked to stop.

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

/// Waits for the signal that ends a server: SIGTERM, or SIGINT from a terminal.
///
/// # Errors
/// When signals can't be listened to.
#[cfg(unix)]
pub(crate) async fn signal() -> std::io::Result<&'static str> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}

/// Waits for Ctrl-C.
///
/// # Errors
/// When it can't be listened to.
#[cfg(not(unix))]
pub(crate) async fn signal() -> std::io::Result<&'static str> {
    tokio::signal::ctrl_c().await.map(|()| "Ctrl-C")
}
