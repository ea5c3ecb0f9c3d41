//! A connection from its TLS handshake over its HTTP requests to its end.
//!
//! A request runs to completion even if its client disconnects, so that it is audited. It keeps the connection's permit
//! until then: permits bound the requests in flight, and shutdown waits until all of them are released.

mod in_flight_request;

use std::{convert::Infallible, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderValue, header},
    response::Response,
};
use futures_util::FutureExt as _;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};
use tokio_rustls::TlsAcceptor;
use tower::Service as _;

use self::in_flight_request::InFlightRequest;
use crate::{
    serve::{
        listen::{
            access_log,
            connection_limits::{ConnectionLimits, ConnectionPermit, HTTP2_LARGE_WINDOW_BYTES},
            response_progress::ConnectionActivity,
            write_timeout::WriteTimeoutIo,
        },
        metrics::Metrics,
        shutdown::ShutdownSignal,
    },
    tls::Identity,
};

/// Timeout of an HTTP/2 connection without requests.
pub(crate) const HTTP2_IDLE_TIMEOUT: Duration = Duration::from_secs(120);

/// Interval of the timeout checks of a connection.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// Timeout of a TLS handshake, including the wait for its permit.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum number of requests in flight on one HTTP/2 connection. It also bounds those of callers without credentials,
/// and can't be raised once a client has authenticated. Clients and proxies that need more open another connection.
const MAX_CONCURRENT_STREAMS: u32 = 16;

/// Maximum size in bytes of the buffer for a request's header, or for a body that arrives faster than it is read.
/// Headers below it that exceed the API's limits get the API's error response.
const MAX_BUFFER_BYTES: usize = 64 * 1024;

/// Maximum size in bytes of the header fields of an HTTP/2 request, as HTTP/2 counts them: with 32 bytes for each besides
/// its name and value. Those of fields that exceed the API's limits by little get the API's error response.
const MAX_HEADER_LIST_BYTES: u32 = 40 * 1024;

/// The HTTP/2 flow-control window of a connection without memory for a large one, and of each of its streams: bytes of
/// request bodies that may arrive before they are read, and thus before they are charged to their caller. It is the
/// smallest that HTTP/2 allows for a connection.
const HTTP2_WINDOW_BYTES: u32 = 64 * 1024 - 1;

/// Maximum number of bytes of a response that HTTP/2 buffers for a stream before its client takes them.
const HTTP2_SEND_BUFFER_BYTES: usize = 32 * 1024;

/// Maximum number of bytes that TLS buffers for a connection before its client takes them.
const TLS_SEND_BUFFER_BYTES: usize = 32 * 1024;

/// The promise of a server with TLS that it will have TLS for a year (RFC 6797), so that browsers don't try without.
const TRANSPORT_SECURITY: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Serves the connections of a listener.
pub(crate) struct Service {
    router: Router,
    metrics: Option<Arc<Metrics>>,
    tls: Option<watch::Receiver<Identity>>,
    limits: ConnectionLimits,
    protocol: Builder<TokioExecutor>,
    /// The protocol of connections with a large HTTP/2 window.
    large_window_protocol: Builder<TokioExecutor>,
}

impl Service {
    /// Creates a service that counts requests in `metrics`, if there are any, and uses TLS if there is an identity.
    pub(crate) fn new(
        router: Router,
        metrics: Option<Arc<Metrics>>,
        tls: Option<watch::Receiver<Identity>>,
        limits: ConnectionLimits,
    ) -> Self {
        let mut protocol = Builder::new(TokioExecutor::new());
        protocol
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_read_timeout())
            .max_buf_size(MAX_BUFFER_BYTES);
        protocol
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(limits.header_read_timeout())
            .max_concurrent_streams(MAX_CONCURRENT_STREAMS)
            .max_header_list_size(MAX_HEADER_LIST_BYTES)
            .max_send_buf_size(HTTP2_SEND_BUFFER_BYTES);
        let with_window = |window: u32| {
            let mut protocol = protocol.clone();
            protocol.http2().initial_stream_window_size(window).initial_connection_window_size(window);
            protocol
        };
        let large_window_protocol = with_window(HTTP2_LARGE_WINDOW_BYTES);
        Self { router, metrics, tls, limits, protocol: with_window(HTTP2_WINDOW_BYTES), large_window_protocol }
    }

    /// The limits of the listener.
    pub(crate) fn limits(&self) -> &ConnectionLimits {
        &self.limits
    }

    /// Serves a connection until it ends. A broken connection is logged at debug level only; its requests are audited.
    pub(crate) async fn serve_connection<S>(
        self: Arc<Self>,
        socket: S,
        peer: SocketAddr,
        permit: ConnectionPermit,
        mut shutdown: ShutdownSignal,
    ) where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let socket = WriteTimeoutIo::new(socket, self.limits.response_write_timeout());
        let Some(tls) = &self.tls else {
            return self.serve_http(socket, peer, permit, shutdown).await;
        };
        let acceptor = TlsAcceptor::from(Arc::clone(&tls.borrow().server_config));
        let handshake = async {
            let Some(permit) = self.limits.begin_handshake(peer.ip(), HANDSHAKE_TIMEOUT).await else {
                return Err(std::io::Error::other("too many handshakes are in progress"));
            };
            let mut stream = acceptor.accept(socket).await?;
            drop(permit);
            stream.get_mut().1.set_buffer_limit(Some(TLS_SEND_BUFFER_BYTES));
            std::io::Result::Ok(stream)
        };
        let result = tokio::select! {
            biased;
            () = shutdown.requested() => return,
            result = timeout(HANDSHAKE_TIMEOUT, handshake) => result,
        };
        match result {
            Ok(Ok(stream)) => {
                // Without TLS, the version is known only when it is too late: HTTP/2 without TLS has the small window.
                let permit = match stream.get_ref().1.alpn_protocol() {
                    Some(b"h2") => self.limits.acquire_window(permit, peer.ip()),
                    _ => permit,
                };
                self.serve_http(stream, peer, permit, shutdown).await;
            }
            Ok(Err(error)) => tracing::debug!(%peer, %error, "the TLS handshake failed"),
            Err(_) => tracing::debug!(%peer, "the TLS handshake timed out"),
        }
    }

    async fn serve_http<S>(&self, socket: S, peer: SocketAddr, permit: ConnectionPermit, mut shutdown: ShutdownSignal)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (activity, permit) = (Arc::new(ConnectionActivity::new()), Arc::new(permit));
        let service = service_fn(|request: hyper::Request<Incoming>| {
            let progress = activity.start_request();
            let response = call_router(self.router.clone(), self.metrics.clone(), peer, self.tls.is_some(), request);
            let permit = Arc::clone(&permit);
            let response = response.map(move |result| {
                drop(permit);
                result
            });
            InFlightRequest::new(response)
                .map(move |result| result.map(|response| response.map(|body| progress.track(body))))
        });
        let protocol = if permit.has_large_window() { &self.large_window_protocol } else { &self.protocol };
        let mut connection = pin!(protocol.serve_connection(TokioIo::new(socket), service));
        let header_read_timeout = self.limits.header_read_timeout();
        let write_timeout = self.limits.response_write_timeout();
        let check_interval = CHECK_INTERVAL.min(header_read_timeout).min(write_timeout);
        let mut checks = interval_at(Instant::now() + check_interval, check_interval);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_shutting_down = false;
        loop {
            tokio::select! {
                biased;
                result = connection.as_mut() => {
                    return result.unwrap_or_else(|error| tracing::debug!(%peer, %error, "the connection broke"));
                }
                () = shutdown.requested(), if !is_shutting_down => {
                    is_shutting_down = true;
                    connection.as_mut().graceful_shutdown();
                }
                _ = checks.tick() => {
                    let idle = activity.idle_for();
                    if activity.stalled_for() >= write_timeout {
                        return tracing::debug!(%peer, "closing a connection whose client does not read its response");
                    }
                    // hyper-util waits for the bytes that reveal the HTTP version without a timeout of its own.
                    if !activity.had_request() && idle >= header_read_timeout {
                        return tracing::debug!(%peer, "closing a connection without a request");
                    }
                    if idle >= HTTP2_IDLE_TIMEOUT {
                        connection.as_mut().graceful_shutdown();
                    }
                }
            }
        }
    }
}

async fn call_router(
    mut router: Router,
    metrics: Option<Arc<Metrics>>,
    peer: SocketAddr,
    is_encrypted: bool,
    request: hyper::Request<Incoming>,
) -> Result<Response, Infallible> {
    let mut request: Request = request.map(Body::new);
    request.extensions_mut().insert(peer);
    let mut response = match metrics {
        Some(metrics) => access_log::log_request(&metrics, request, |request| router.call(request)).await?,
        None => router.call(request).await?,
    };
    if is_encrypted {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, TRANSPORT_SECURITY);
    }
    Ok(response)
}

#[cfg(test)]
mod tests;
