//! Tests of connections over in-memory pipes with paused time, which advances whenever all tasks are idle.

use std::{
    future::{pending, poll_fn},
    io,
};

use axum::routing::{get, post};
use bytes::Bytes;
use http_api::TrustedProxies;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    spawn,
    task::JoinHandle,
    time::interval,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer},
};

use super::*;
use crate::{
    serve::{
        listen::connection_limits::RESPONSE_WRITE_TIMEOUT,
        shutdown::{ShutdownTrigger, channel},
    },
    tls::CertificateFiles,
};

/// The client side of a connection being served.
struct TestConnection {
    client: DuplexStream,
    ended: JoinHandle<()>,
    service: Arc<Service>,
    trigger: ShutdownTrigger,
    began: Instant,
}

/// Size in bytes of a response that fills all buffers between server and client.
const LARGE_BODY_BYTES: usize = 1024 * 1024;

fn router() -> Router {
    let hold = async |_unread: Request| pending::<()>().await;
    Router::new()
        .route("/held", post(hold))
        .route("/much", get(async || vec![b'x'; LARGE_BODY_BYTES]))
        .route("/little", get(async || "x"))
        .route("/task", get(async || tokio::task::id().to_string()))
        .route(
            "/late",
            get(async || {
                let _ = timeout(RESPONSE_WRITE_TIMEOUT * 5, pending::<()>()).await;
                "x"
            }),
        )
}

impl TestConnection {
    fn new(tls: Option<Identity>) -> Self {
        Self::within(ConnectionLimits::for_api(1, TrustedProxies::default(), &Metrics::new().unwrap()), tls)
    }

    fn within(limits: ConnectionLimits, tls: Option<Identity>) -> Self {
        let tls = tls.map(|identity| watch::channel(identity).1);
        let service = Arc::new(Service::new(router(), None, tls, limits));
        let (client, server) = duplex(1024);
        let (trigger, shutdown) = channel();
        let peer: SocketAddr = "192.0.2.7:1".parse().unwrap();
        let available = service.limits().available().now_or_never().flatten().unwrap();
        let permit = service.limits().admit(available, peer.ip()).ok().unwrap();
        let ended = spawn(Arc::clone(&service).serve_connection(server, peer, permit, shutdown));
        Self { client, ended, service, trigger, began: Instant::now() }
    }

    fn plain() -> Self {
        Self::new(None)
    }

    async fn send_request(&mut self, path: &str) {
        let head = format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n");
        self.client.write_all(head.as_bytes()).await.unwrap();
    }

    /// Waits for the end of the connection and returns its duration in seconds. Asserts that the permit is released.
    async fn seconds_until_closed(self) -> u64 {
        self.ended.await.unwrap();
        assert!(self.service.limits().all_ended(Duration::ZERO).await);
        self.began.elapsed().as_secs()
    }
}

/// Starts HTTP/2 with a client whose flow-control window allows `window` unread bytes of each response.
async fn http2(client: DuplexStream, window: u32) -> (h2::client::SendRequest<Bytes>, JoinHandle<()>) {
    let handshake = h2::client::Builder::new().initial_window_size(window).handshake(client).await;
    let (sender, connection) = handshake.unwrap();
    (sender, spawn(async move { drop(connection.await) }))
}

fn request(path: &str) -> hyper::Request<()> {
    hyper::Request::get(format!("http://test{path}")).body(()).unwrap()
}

fn identity() -> Identity {
    identity_and_certificate().0
}

fn identity_and_certificate() -> (Identity, CertificateDer<'static>) {
    let folder = tempfile::tempdir().unwrap();
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = CertificateFiles { certificate: folder.path().join("crt"), key: folder.path().join("key") };
    std::fs::write(&files.certificate, cert.pem()).unwrap();
    std::fs::write(&files.key, signing_key.serialize_pem()).unwrap();
    (files.load().unwrap(), cert.der().clone())
}

/// Sends a body that the server does not read. Returns how much of it the server accepts.
async fn accepted_bytes<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(socket: S) -> usize {
    let (sender, connection) = h2::client::handshake(socket).await.unwrap();
    let _driver = spawn(connection);
    let mut sender = sender.ready().await.unwrap();
    let late = hyper::Request::post("http://test/held").body(()).unwrap();
    let (_response, mut body) = sender.send_request(late, false).unwrap();
    let mut accepted = 0;
    loop {
        body.reserve_capacity(64 * 1024);
        let capacity = timeout(Duration::from_secs(3), poll_fn(|context| body.poll_capacity(context))).await;
        let Ok(capacity) = capacity else { return accepted };
        let capacity = capacity.unwrap().unwrap();
        accepted += capacity;
        body.send_data(vec![0; capacity].into(), false).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_runs_in_the_task_of_its_connection() {
    let mut served = TestConnection::plain();
    served.send_request("/task").await;
    let task = served.ended.id().to_string();
    // Until the request has begun, a shutdown would find no request in flight.
    tokio::time::advance(Duration::from_secs(1)).await;
    served.trigger.fire();
    let mut response = String::new();
    served.client.read_to_string(&mut response).await.unwrap();
    assert!(response.ends_with(&format!("\r\n\r\n{task}")), "{task}: {response}");
}

#[tokio::test(start_paused = true)]
async fn an_upload_over_http2_with_tls_sends_a_mebibyte_in_a_round_trip_while_there_is_memory_for_it() {
    let TestConnection { client, trigger: _plain, .. } = TestConnection::plain();
    assert_eq!(accepted_bytes(client).await, HTTP2_WINDOW_BYTES as usize);

    let (identity, certificate) = identity_and_certificate();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let TestConnection { client, trigger: _encrypted, .. } = TestConnection::new(Some(identity));
    let connector = TlsConnector::from(Arc::new(config));
    let client = connector.connect("localhost".try_into().unwrap(), client).await.unwrap();
    assert_eq!(accepted_bytes(client).await, HTTP2_LARGE_WINDOW_BYTES as usize);
}

#[tokio::test(start_paused = true)]
async fn idle_connections_leave_the_admin_listener_before_a_probe_gives_up() {
    let admin = || TestConnection::within(ConnectionLimits::for_admin(1, &Metrics::new().unwrap()), None);
    assert_eq!(admin().seconds_until_closed().await, 1, "without a byte");
    let mut begun = admin();
    begun.client.write_all(b"GET /little HTTP/1.1\r\nHost: ").await.unwrap();
    assert!(begun.seconds_until_closed().await <= 2, "with a part of a request");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_reads_its_response_is_disconnected() {
    let mut served = TestConnection::plain();
    served.send_request("/much").await;
    assert_eq!(served.seconds_until_closed().await, 30);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_slowly_but_steadily_gets_its_complete_response() {
    let mut served = TestConnection::plain();
    served.send_request("/much").await;
    let (mut ticks, mut read) = (interval(Duration::from_secs(1)), 0);
    while read < LARGE_BODY_BYTES {
        ticks.tick().await;
        read += served.client.read(&mut [0; 1024]).await.unwrap();
    }
    assert!(served.began.elapsed() > RESPONSE_WRITE_TIMEOUT * 10);
}

#[tokio::test(start_paused = true)]
async fn an_http2_client_that_accepts_no_data_of_its_response_is_disconnected() {
    let TestConnection { client, ended, began, trigger: _stopper, .. } = TestConnection::plain();
    let (mut sender, _driver) = http2(client, 0).await;
    let (response, _) = sender.send_request(request("/much"), true).unwrap();
    let response = response.await.unwrap();
    ended.await.unwrap();
    assert!((30..=35).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    drop(response);
}

#[tokio::test(start_paused = true)]
async fn an_http2_client_that_reads_slowly_gets_its_complete_response() {
    let TestConnection { client, began, trigger: _stopper, .. } = TestConnection::plain();
    let (mut sender, _driver) = http2(client, 32 * 1024).await;
    let (response, _) = sender.send_request(request("/much"), true).unwrap();
    let mut body = response.await.unwrap().into_body();
    let (mut ticks, mut received) = (interval(Duration::from_secs(1)), 0);
    while let Some(chunk) = body.data().await {
        ticks.tick().await;
        let length = chunk.unwrap().len();
        body.flow_control().release_capacity(length).unwrap();
        received += length;
    }
    assert_eq!(received, LARGE_BODY_BYTES);
    assert!(began.elapsed() > RESPONSE_WRITE_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_connection_of_http2_takes_sixteen_requests_at_a_time_and_no_head_of_50_kib() {
    let TestConnection { client, trigger: _stopper, .. } = TestConnection::plain();
    let (mut sender, _driver) = http2(client, 1024).await;
    let (little, _) = sender.send_request(request("/little"), true).unwrap();
    assert_eq!(little.await.unwrap().status(), 200);
    assert_eq!(sender.current_max_send_streams(), 16);
    let mut large = request("/little");
    large.headers_mut().insert("x-filler", "x".repeat(50 * 1024).parse().unwrap());
    let (response, _) = sender.send_request(large, true).unwrap();
    assert_eq!(response.await.unwrap().status(), 431);
}

#[tokio::test(start_paused = true)]
async fn a_request_may_take_longer_than_the_write_timeout() {
    let mut served = TestConnection::plain();
    served.send_request("/late").await;
    let mut response = [0; 12];
    served.client.read_exact(&mut response).await.unwrap();
    assert_eq!(&response, b"HTTP/1.1 200");
    assert!(served.began.elapsed() >= RESPONSE_WRITE_TIMEOUT * 5);
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_request_is_closed() {
    assert_eq!(TestConnection::plain().seconds_until_closed().await, 30);
}

#[tokio::test(start_paused = true)]
async fn a_request_header_that_arrives_too_slowly_closes_the_connection() {
    let mut served = TestConnection::plain();
    let mut ticks = interval(Duration::from_secs(1));
    let error: io::Error = loop {
        ticks.tick().await;
        if let Err(error) = served.client.write_all(b"G").await {
            break error;
        }
    };
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    assert!(served.seconds_until_closed().await <= 35);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_over_both_versions_of_http() {
    let mut served = TestConnection::plain();
    served.send_request("/little").await;
    assert_eq!(served.seconds_until_closed().await, 30);

    let TestConnection { client, ended, began, trigger: _stopper, .. } = TestConnection::plain();
    let (mut sender, driver) = http2(client, 1024).await;
    let (response, _) = sender.send_request(request("/little"), true).unwrap();
    assert_eq!(response.await.unwrap().status(), 200);
    driver.await.unwrap();
    ended.await.unwrap();
    assert!((120..=130).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_incomplete_handshake_times_out() {
    assert_eq!(TestConnection::new(Some(identity())).seconds_until_closed().await, 10);
}

#[tokio::test(start_paused = true)]
async fn a_client_without_tls_gets_only_an_alert() {
    let mut served = TestConnection::new(Some(identity()));
    served.send_request("/little").await;
    let mut alert = Vec::new();
    served.client.read_to_end(&mut alert).await.unwrap();
    assert_eq!(alert.first(), Some(&21), "{alert:?}");
    assert_eq!(served.seconds_until_closed().await, 0);
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_handshakes_and_idle_connections_immediately_and_requests_once_answered() {
    let handshake = TestConnection::new(Some(identity()));
    handshake.trigger.fire();
    assert_eq!(handshake.seconds_until_closed().await, 0);

    let mut idle = TestConnection::plain();
    idle.send_request("/little").await;
    idle.client.read_exact(&mut [0; 12]).await.unwrap();
    idle.trigger.fire();
    assert_eq!(idle.seconds_until_closed().await, 0);

    let mut busy = TestConnection::plain();
    busy.send_request("/late").await;
    // Until the request has begun, a shutdown would find no request in flight.
    tokio::time::advance(Duration::from_secs(1)).await;
    busy.trigger.fire();
    let mut response = Vec::new();
    busy.client.read_to_end(&mut response).await.unwrap();
    assert!(response.starts_with(b"HTTP/1.1 200"));
    assert!(busy.seconds_until_closed().await >= 150);
}
