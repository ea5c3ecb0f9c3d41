//! One connection: its handshake, the version of HTTP it speaks, its calls, and its end.
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
use futures_util::FutureExt as _;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};
use tokio_rustls::TlsAcceptor;
use tower::Service as _;

use crate::{
    serve::{access, metrics::Metrics, pace::Calls, patient::Patient, shutdown::Stop},
    tls::Identity,
};

/// How long a client may take to send its first request's head, and over HTTP/1 each further one: an idle connection is
/// closed then. Over HTTP/2, an idle client is asked this often whether it is still there, and closed if it is not.
pub(crate) const HEAD_WITHIN: Duration = Duration::from_secs(30);

/// How long a connection over HTTP/2 may be without a call.
pub(crate) const IDLE: Duration = Duration::from_secs(120);

/// How long a client may take nothing of an answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How often a connection is looked at.
const GLANCE: Duration = Duration::from_secs(5);

/// How long a handshake may take, waiting for its turn included.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// How many handshakes are under way at once: each costs a signature and memory before anything is known of the client.
const HANDSHAKES: usize = 256;

/// How many calls one HTTP/2 connection may have in flight.
const STREAMS: u32 = 64;

/// The most that is buffered of a request's head, or of a body that is read slower than it comes. Heads that are smaller but
/// past the API's bounds are answered by it, in its envelope.
const BUFFER: usize = 128 * 1024;

/// How much of request bodies one HTTP/2 connection may send ahead of their being read.
const AHEAD: u32 = 512 * 1024;

/// What the connections of a listener are served with.
pub(crate) struct Service {
    router: Router,
    metrics: Option<Arc<Metrics>>,
    tls: Option<watch::Receiver<Identity>>,
    handshakes: Semaphore,
    protocol: Builder<TokioExecutor>,
}

impl Service {
    /// Calls are counted where there are metrics, and connections secured where there is an identity.
    pub(crate) fn new(router: Router, metrics: Option<Arc<Metrics>>, tls: Option<watch::Receiver<Identity>>) -> Self {
        let mut protocol = Builder::new(TokioExecutor::new());
        protocol.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).max_buf_size(BUFFER);
        protocol
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(HEAD_WITHIN)
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(BUFFER as u32)
            .initial_stream_window_size(AHEAD / 4)
            .initial_connection_window_size(AHEAD);
        Self { router, metrics, tls, handshakes: Semaphore::new(HANDSHAKES), protocol }
    }

    /// Serves a connection to its end. Broken ones are the client's affair; what they asked for is on record.
    pub(crate) async fn connection<S>(
        self: Arc<Self>,
        socket: S,
        peer: SocketAddr,
        place: OwnedSemaphorePermit,
        mut stop: Stop,
    ) where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let socket = Patient::new(socket, PATIENCE);
        let Some(tls) = &self.tls else {
            return self.speak(socket, peer, place, stop).await;
        };
        let acceptor = TlsAcceptor::from(Arc::clone(&tls.borrow().handshakes));
        let handshake = async {
            // The semaphore is never closed.
            let _turn = self.handshakes.acquire().await;
            acceptor.accept(socket).await
        };
        let shaken = tokio::select! {
            biased;
            () = stop.asked() => return,
            shaken = timeout(HANDSHAKE_WITHIN, handshake) => shaken,
        };
        match shaken {
            Ok(Ok(secured)) => self.speak(secured, peer, place, stop).await,
            Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS"),
            Err(_) => tracing::debug!(%peer, "no TLS in time"),
        }
    }

    async fn speak<S>(&self, socket: S, peer: SocketAddr, place: OwnedSemaphorePermit, mut stop: Stop)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (calls, place) = (Arc::new(Calls::new()), Arc::new(place));
        let service = service_fn(|request: hyper::Request<Incoming>| {
            let pace = calls.begin();
            let answer = answer(self.router.clone(), self.metrics.clone(), peer, request);
            let answer = to_its_end(answer, Arc::clone(&place));
            answer.map(move |answered| answered.map(|answer| answer.map(|body| pace.watch(body))))
        });
        let mut connection = pin!(self.protocol.serve_connection(TokioIo::new(socket), service));
        let mut glances = interval_at(Instant::now() + GLANCE, GLANCE);
        glances.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stopping = false;
        loop {
            tokio::select! {
                biased;
                ended = connection.as_mut() => {
                    return ended.unwrap_or_else(|error| tracing::debug!(%peer, %error, "connection broken"));
                }
                () = stop.asked(), if !stopping => {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
                _ = glances.tick() => {
                    let idle = calls.idle_for();
                    if calls.stalled_for() >= PATIENCE {
                        return tracing::debug!(%peer, "a client that does not take its answer is given up");
                    }
                    // Which version of HTTP a client speaks is waited for without end, unless it is bounded here.
                    if !calls.any() && idle >= HEAD_WITHIN {
                        return tracing::debug!(%peer, "a connection without a call is closed");
                    }
                    if idle >= IDLE {
                        connection.as_mut().graceful_shutdown();
                    }
                }
            }
        }
    }
}

/// Runs a call in a task of its own, which goes on when the connection no longer waits for it. No `async fn`, which would
/// hold the call several times over, and every call is moved.
fn to_its_end(
    call: impl Future<Output = Result<Response, Infallible>> + Send + 'static,
    place: Arc<OwnedSemaphorePermit>,
) -> impl Future<Output = Result<Response, Infallible>> {
    let running = tokio::spawn(call.map(move |answered| {
        drop(place);
        answered
    }));
    running.map(|ended| {
        ended.unwrap_or_else(|error| {
            tracing::error!(%error, "a call broke off");
            Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response())
        })
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

#[cfg(test)]
mod tests;
