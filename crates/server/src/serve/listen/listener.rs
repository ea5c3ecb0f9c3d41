//! The accept loop: bounds the connections, and lets requests in flight finish at shutdown.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::sleep,
};

use crate::{
    failure::{Failure, ResultExt as _},
    serve::{
        listen::{
            connection::Service,
            connection_limits::{ConnectionLimits, ConnectionPermit},
        },
        metrics::Metrics,
        shutdown::ShutdownSignal,
    },
    tls::Identity,
};

/// Maximum duration for requests in flight to finish at shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// Delay after a failed accept, for instance when the system has no file descriptors left.
const RETRY_DELAY: Duration = Duration::from_millis(100);

/// Number of unsent bytes from which on the kernel takes no more of a connection's responses. It takes more once half of
/// them are sent. What is sent and not acknowledged does not count, so the speed of fast clients is not limited.
#[cfg(any(target_os = "linux", target_os = "android"))]
const MAX_UNSENT_BYTES: u32 = 32 * 1024;

/// A bound port that is not served yet.
pub(crate) struct Listener {
    tcp: TcpListener,
    address: SocketAddr,
    tls: Option<watch::Receiver<Identity>>,
}

impl Listener {
    /// Binds the port.
    ///
    /// # Errors
    /// If the port can't be bound. The message names the flag to change.
    pub(crate) async fn bind(address: SocketAddr, flag: &str) -> Result<Self, Failure> {
        let doing =
            || format!("can't listen on {address} (choose another address with --{flag}; port 0 selects a free port)");
        let tcp = TcpListener::bind(address).await.context(doing)?;
        let address = tcp.local_addr().context(doing)?;
        Ok(Self { tcp, address, tls: None })
    }

    /// Uses TLS, with the identity that is current when a client connects.
    pub(crate) fn with_tls(self, identity: watch::Receiver<Identity>) -> Self {
        Self { tls: Some(identity), ..self }
    }

    /// The URL of the listener.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Serves until shutdown is requested and the requests in flight are finished. Counts requests in `metrics`, if
    /// there are any.
    pub(crate) async fn serve(
        self,
        router: Router,
        limits: ConnectionLimits,
        metrics: Option<Arc<Metrics>>,
        mut shutdown: ShutdownSignal,
    ) {
        let Self { tcp, tls, .. } = self;
        let service = Arc::new(Service::new(router, metrics, tls, limits));
        while let Some((stream, peer, permit)) = accept(&tcp, service.limits(), &mut shutdown).await {
            tokio::spawn(Arc::clone(&service).serve_connection(stream, peer, permit, shutdown.clone()));
        }
        drop(tcp);
        if !service.limits().all_ended(SHUTDOWN_TIMEOUT).await {
            tracing::warn!("requests were still in flight after {} s and are aborted", SHUTDOWN_TIMEOUT.as_secs());
        }
    }
}

/// Sets the options of an accepted socket. One that can't be set costs speed, or disconnects slow clients earlier.
fn set_options(stream: &TcpStream) {
    // Responses are written in one piece, so that Nagle's algorithm would only delay them.
    let _ = stream.set_nodelay(true);
    // Linux reports a full socket as writable only once a third of its buffer is free, which for a slow client takes
    // longer than the write timeout. Other systems report it as soon as little is free.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = socket2::SockRef::from(stream).set_tcp_notsent_lowat(MAX_UNSENT_BYTES);
}

async fn accept(
    tcp: &TcpListener,
    limits: &ConnectionLimits,
    shutdown: &mut ShutdownSignal,
) -> Option<(TcpStream, SocketAddr, ConnectionPermit)> {
    let next = async {
        let mut available = limits.available().await?;
        loop {
            match tcp.accept().await {
                Ok((stream, peer)) => match limits.admit(available, peer.ip()) {
                    Ok(permit) => {
                        set_options(&stream);
                        return Some((stream, peer, permit));
                    }
                    Err(returned) => available = returned,
                },
                Err(error) => {
                    tracing::warn!(%error, "can't accept a connection; trying again");
                    sleep(RETRY_DELAY).await;
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = shutdown.requested() => None,
        accepted = next => accepted,
    }
}

#[cfg(test)]
mod tests;
