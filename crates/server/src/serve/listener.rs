//! The accept loop: bounded connections, and a stop that lets calls in flight finish.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{sleep, timeout},
};

use crate::{
    failure::{Context as _, Failure},
    serve::{connection::Service, metrics::Metrics, shutdown::Stop},
    tls::Identity,
};

/// How long calls in flight may take to finish once the server stops.
const FINISH_WITHIN: Duration = Duration::from_secs(30);

/// How long the loop rests when the system has no file descriptors left.
const REST: Duration = Duration::from_millis(100);

/// A port that is taken, not yet served.
pub(crate) struct Listener {
    tcp: TcpListener,
    address: SocketAddr,
    tls: Option<watch::Receiver<Identity>>,
}

impl Listener {
    /// Takes the port.
    ///
    /// # Errors
    /// A line that says which setting to change.
    pub(crate) async fn bind(address: SocketAddr, flag: &str) -> Result<Self, Failure> {
        let doing = || format!("can't listen on {address} (set --{flag}, port 0 for any free one)");
        let tcp = TcpListener::bind(address).await.or_fail(doing)?;
        let address = tcp.local_addr().or_fail(doing)?;
        Ok(Self { tcp, address, tls: None })
    }

    /// Speaks TLS to each client, with the identity that is current when it comes.
    pub(crate) fn secured(self, identity: watch::Receiver<Identity>) -> Self {
        Self { tls: Some(identity), ..self }
    }

    /// Where it is reached.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Serves until it is time to stop and the calls in flight are done. Calls are counted where there are metrics.
    pub(crate) async fn serve(self, router: Router, connections: usize, metrics: Option<Arc<Metrics>>, mut stop: Stop) {
        let Self { tcp, tls, .. } = self;
        let connections = u32::try_from(connections.min(Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX);
        let places = Arc::new(Semaphore::new(connections as usize));
        let service = Arc::new(Service::new(router, metrics, tls));
        while let Some((stream, peer, place)) = accept(&tcp, &places, &mut stop).await {
            tokio::spawn(Arc::clone(&service).connection(stream, peer, place, stop.clone()));
        }
        drop(tcp);
        // All places are free again once every connection is over, and every call that outlasts its own. None is ever closed.
        if timeout(FINISH_WITHIN, places.acquire_many(connections)).await.is_err() {
            tracing::warn!("calls were still in flight after {} s and are cut off", FINISH_WITHIN.as_secs());
        }
    }
}

async fn accept(
    tcp: &TcpListener,
    places: &Arc<Semaphore>,
    stop: &mut Stop,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let next = async {
        let place = Arc::clone(places).acquire_owned().await.ok()?;
        loop {
            match tcp.accept().await {
                Ok((stream, peer)) => {
                    // Answers are written whole: waiting to fill a packet only delays them.
                    let _ = stream.set_nodelay(true);
                    return Some((stream, peer, place));
                }
                Err(error) => {
                    tracing::warn!(%error, "can't accept a connection");
                    sleep(REST).await;
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = stop.asked() => None,
        accepted = next => accepted,
    }
}
