//! The accept loop: bounded connections, bounded time for a request's head, and a stop that lets calls in flight finish.
//!
//! A call runs to its end even when its client hangs up, so that what it did is on record. It holds its connection's place
//! until then: places bound the calls in flight, and the last one to be given back ends the wait for them.

use std::{convert::Infallible, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tower::Service;

use crate::{
    failure::{Context as _, Failure},
    serve::{access, metrics::Metrics, shutdown::Stop},
};

/// How long a client may take to send its first request's head, and over HTTP/1 each further one: an idle connection is
/// closed then. Over HTTP/2, an idle client is asked this often whether it is still there, and closed if it is not.
const HEAD_WITHIN: Duration = Duration::from_secs(30);

/// How many calls one HTTP/2 connection may have in flight.
const STREAMS: u32 = 64;

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
        let connections = u32::try_from(connections.min(Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX);
        let places = Arc::new(Semaphore::new(connections as usize));
        let graceful = GracefulShutdown::new();
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
        builder.http2().timer(TokioTimer::new()).keep_alive_interval(HEAD_WITHIN).max_concurrent_streams(STREAMS);
        while let Some((stream, peer, place)) = self.accept(&places, &mut stop).await {
            let (router, metrics, place) = (router.clone(), metrics.clone(), Arc::new(place));
            let called = Arc::new(Notify::new());
            let first_call = Arc::clone(&called);
            let service = service_fn(move |request: hyper::Request<Incoming>| {
                called.notify_one();
                to_its_end(answer(router.clone(), metrics.clone(), peer, request), Arc::clone(&place))
            });
            let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
            let connection = graceful.watch(connection);
            tokio::spawn(async move {
                let mut connection = pin!(connection);
                // Which version of HTTP a client speaks is waited for without end, unless it is bounded here.
                let ended = tokio::select! {
                    ended = &mut connection => ended,
                    called = timeout(HEAD_WITHIN, first_call.notified()) => match called {
                        Ok(()) => connection.await,
                        Err(_) => return tracing::debug!(%peer, "a connection without a call is closed"),
                    },
                };
                // Broken connections are the client's affair; what they asked for is on record.
                if let Err(error) = ended {
                    tracing::debug!(%peer, %error, "connection broken");
                }
            });
        }
        drop(self.tcp);
        let finished = async {
            graceful.shutdown().await;
            // All places are free again once the calls are done that outlast their connections. None is ever closed.
            let _ = places.acquire_many(connections).await;
        };
        if timeout(FINISH_WITHIN, finished).await.is_err() {
            tracing::warn!("calls were still in flight after {} s and are cut off", FINISH_WITHIN.as_secs());
        }
    }

    async fn accept(
        &self,
        places: &Arc<Semaphore>,
        stop: &mut Stop,
    ) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
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

/// Runs a call in a task of its own, which goes on when the connection no longer waits for it.
async fn to_its_end(
    call: impl Future<Output = Result<Response, Infallible>> + Send + 'static,
    place: Arc<OwnedSemaphorePermit>,
) -> Result<Response, Infallible> {
    let running = tokio::spawn(async move {
        let answered = call.await;
        drop(place);
        answered
    });
    running.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a call broke off");
        Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response())
    })
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
