//! Receivers that misbehave.

use std::{sync::Arc, time::Duration};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    actions::{SCOPES, allow_loopback, create_finding, get_subscription, list_deliveries, subscribe, wait_until},
    receiver::WebhookReceiver,
    support::{Client, Installation, Setup, eventually},
};

/// The time within which each delivery is attempted; a receiver that hangs has 15 s.
const ATTEMPTED_WITHIN: Duration = Duration::from_secs(25);

/// Starts an endpoint that handles every connection in this way for the duration of the test. Returns its URL.
async fn start_endpoint<F: Future<Output = ()> + Send + 'static>(
    scheme: &str,
    behave: impl Fn(TcpStream) -> F + Send + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(behave(stream));
        }
    });
    format!("{scheme}://{address}/")
}

/// Reads the beginning of a request, and answers with this text.
async fn answer(stream: &mut TcpStream, text: &str) {
    let mut call = [0; 16 * 1024];
    let _ = stream.read(&mut call).await;
    let _ = stream.write_all(text.as_bytes()).await;
}

async fn start_self_signed_endpoint() -> String {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("a certificate with its key");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    start_endpoint("https", move |stream| {
        let acceptor = acceptor.clone();
        async move { drop(acceptor.accept(stream).await) }
    })
    .await
}

/// Waits for the first attempt of the subscription's only delivery.
async fn wait_for_attempt(client: &Client, id: &str) -> Value {
    let what = format!("an attempt at {id}");
    let mut timer = crate::support::PollTimer::new(&what, ATTEMPTED_WITHIN);
    loop {
        timer.tick().await;
        let deliveries = list_deliveries(client, id).await;
        if let Some(attempt) = deliveries.first().and_then(|delivery| delivery["attempts"].get(0)) {
            return attempt.clone();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn misbehaving_receivers_are_reported_and_do_not_affect_others() {
    let healthy = WebhookReceiver::start().await;
    let server = allow_loopback(Setup::with_installation(Installation::new()).unlimited()).start();
    let client = server.create_client("integration", &SCOPES).await;

    let failing = start_endpoint("http", async |mut stream| {
        answer(&mut stream, "HTTP/1.1 500 Oops\r\ncontent-length: 6\r\n\r\nbroken").await;
    });
    let redirecting = start_endpoint("http", async |mut stream| {
        let text = "HTTP/1.1 307 Elsewhere\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
        answer(&mut stream, text).await;
    });
    let hanging = start_endpoint("http", async |mut stream| {
        answer(&mut stream, "").await;
        std::future::pending().await
    });
    let dripping = start_endpoint("http", async |mut stream| {
        answer(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").await;
        let mut drops = tokio::time::interval(Duration::from_millis(50));
        while stream.write_all(b".").await.is_ok() {
            drops.tick().await;
        }
    });
    let gigabyte = start_endpoint("http", async |mut stream| {
        answer(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n").await;
        while stream.write_all(&[b'x'; 64 * 1024]).await.is_ok() {}
    });
    let resetting = start_endpoint("http", async |mut stream| {
        answer(&mut stream, "").await;
        let _ = stream.set_zero_linger();
    });
    let expected = [
        (failing.await, json!([500, "refused"])),
        (redirecting.await, json!([307, "redirected"])),
        (hanging.await, json!([null, "timed_out"])),
        (dripping.await, json!([200, "timed_out"])),
        (gigabyte.await, json!([200, null])),
        (resetting.await, json!([null, "unreachable"])),
        (start_self_signed_endpoint().await, json!([null, "tls"])),
    ];
    let mut subscriptions = Vec::new();
    for (url, expected) in expected {
        subscriptions.push((subscribe(&client, &url, &["finding.created"]).await, url, expected));
    }
    let healthy_subscription = subscribe(&client, &healthy.url("/sound"), &["finding.created"]).await;

    create_finding(&client, "the-first").await;
    wait_until("the healthy receiver gets the event", Duration::from_secs(5), || {
        healthy.distinct_events("/sound") == 1
    })
    .await;
    for (id, url, expected) in &subscriptions {
        let attempt = wait_for_attempt(&client, id).await;
        assert_eq!(json!([attempt["status"], attempt["error"]]), *expected, "{url}: {attempt}");
        let failed = !expected[1].is_null();
        assert_eq!(get_subscription(&client, id).await["failingSince"].is_null(), !failed, "{url}");
    }
    create_finding(&client, "the-second").await;
    wait_until("the healthy receiver gets the event", Duration::from_secs(5), || {
        healthy.distinct_events("/sound") == 2
    })
    .await;
    assert!(get_subscription(&client, &healthy_subscription).await["lastDeliveryAt"].is_string());
    let resident = server.resident_bytes();
    assert!(resident < 200 * 1024 * 1024, "{resident} bytes of memory after a response of a gigabyte");

    let metrics = eventually("attempts are counted", async || {
        let (_, text) = server.probe("/metrics").await;
        text.contains("novantra_webhook_attempts_total{outcome=\"timed_out\"}").then_some(text)
    });
    let metrics = metrics.await;
    for line in ["outcome=\"delivered\"", "outcome=\"tls\"", "novantra_webhook_attempts_in_flight"] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    assert!(server.stop().success());
}
