//! The accept loop: bounded connections, bounded time for a request's head, and a stop that lets calls in flight finish.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::Request, response::Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tower::Service;

use crate::{
    failure::{Context as _, Failure},
    serve::{access, metrics::Metrics, shutdown::Stop},
};

/// How long a client may take to send a request's head, or leave a connection idle.
const HEAD_WITHIN: Duration = Duration::from_secs(30);

/// How long calls in flight may take to finish once the server stops.
const FINISH_WITHIN: Duration = Duration::from_secs(30);

/// How long the loop rests when the system has no file descriptors left.
const REST: Duration = Duration::from_millis(100);

/// A port that is taken, not yet served.
pub(crate) struct Listener {
    tcp: TcpListener,
    address: SocketAddr,
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
        Ok(Self { tcp, address })
    }

    /// Where it is reached.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves until it is time to stop and the calls in flight are done. Calls are counted where there are metrics.
    pub(crate) async fn serve(self, router: Router, connections: usize, metrics: Option<Arc<Metrics>>, mut stop: Stop) {
        let places = Arc::new(Semaphore::new(connections.min(Semaphore::MAX_PERMITS)));
        let graceful = GracefulShutdown::new();
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
        builder.http2().timer(TokioTimer::new()).keep_alive_interval(HEAD_WITHIN);
        while let Some((stream, peer, place)) = self.accept(&places, &mut stop).await {
            let (router, metrics) = (router.clone(), metrics.clone());
            let service = service_fn(move |request: hyper::Request<Incoming>| {
                answer(router.clone(), metrics.clone(), peer, request)
            });
            let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
            let connection = graceful.watch(connection);
            tokio::spawn(async move {
                // Broken connections are the client's affair; what they asked for is on record.
                if let Err(error) = connection.await {
                    tracing::debug!(%peer, %error, "connection broken");
                }
                drop(place);
            });
        }
        drop(self.tcp);
        if timeout(FINISH_WITHIN, graceful.shutdown()).await.is_err() {
            tracing::warn!("calls were still in flight after {} s and are cut off", FINISH_WITHIN.as_secs());
        }
    }

    async fn accept(
        &self,
        places: &Arc<Semaphore>,
        stop: &mut Stop,
    ) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
        let next = async {
            let place = Arc::clone(places).acquire_owned().await.ok()?;
            loop {
                match self.tcp.accept().await {
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
}

async fn answer(
    mut router: Router,
    metrics: Option<Arc<Metrics>>,
    peer: SocketAddr,
    request: hyper::Request<Incoming>,
) -> Result<Response, Infallible> {
    let mut request: Request = request.map(Body::new);
    request.extensions_mut().insert(peer);
    match metrics {
        Some(metrics) => access::watched(&metrics, request, |request| router.call(request)).await,
        None => router.call(request).await,
    }
}
