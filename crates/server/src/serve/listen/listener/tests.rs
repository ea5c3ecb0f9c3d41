//! Tests over real sockets, whose buffers in the kernel no pipe in memory has.

use std::time::Instant;

use axum::{body::Body, routing::get};
use bytes::Bytes;
use futures_util::stream;
use http_api::TrustedProxies;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpSocket,
    sync::oneshot::{self, error::TryRecvError},
    time::{interval, timeout},
};

use super::*;
use crate::serve::shutdown::channel;

const WRITE_TIMEOUT: Duration = Duration::from_secs(1);

/// The pace of a client that reads 400 KiB/s: less within the timeout than a third of the kernel's buffer.
const READ_INTERVAL: Duration = Duration::from_millis(20);
const READ_BYTES: usize = 8 * 1024;

const DEADLINE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_client_that_reads_slowly_but_steadily_is_not_disconnected_and_one_that_stops_reading_is() {
    let (dropped, mut is_dropped) = oneshot::channel::<()>();
    let dropped = Arc::new(std::sync::Mutex::new(Some(dropped)));
    let endless = get(async move || {
        let guard = dropped.lock().unwrap().take();
        let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
        Body::from_stream(stream::repeat_with(move || {
            let _held = &guard;
            Ok::<_, std::io::Error>(chunk.clone())
        }))
    });
    let limits = ConnectionLimits::for_api(1, TrustedProxies::default(), &Metrics::new().unwrap());
    let limits = limits.with_response_write_timeout(WRITE_TIMEOUT);
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), "listen").await.unwrap();
    let address = listener.address;
    let (trigger, shutdown) = channel();
    let serving = tokio::spawn(listener.serve(Router::new().route("/endless", endless), limits, None, shutdown));

    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    let mut client = socket.connect(address).await.unwrap();
    client.write_all(b"GET /endless HTTP/1.1\r\nHost: test\r\n\r\n").await.unwrap();
    let (began, mut ticks) = (Instant::now(), interval(READ_INTERVAL));
    while began.elapsed() < WRITE_TIMEOUT * 3 {
        ticks.tick().await;
        let read = timeout(DEADLINE, client.read_exact(&mut [0; READ_BYTES])).await.unwrap();
        read.unwrap();
        // The body of the response is dropped with the connection. What the kernel has of it is still sent then.
        assert_eq!(is_dropped.try_recv(), Err(TryRecvError::Empty), "disconnected after {:?}", began.elapsed());
    }
    assert!(timeout(DEADLINE, is_dropped).await.expect("a client that does not read is disconnected").is_err());
    trigger.fire();
    serving.await.unwrap();
}
