//! A local webhook receiver. The path in the subscription's URL determines how a request is answered.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Instant,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
};
use serde_json::Value;
use tokio::sync::watch;

/// A running receiver. It stops when this value is dropped.
pub(crate) struct WebhookReceiver {
    address: String,
    received: Arc<ReceivedDeliveries>,
    task: tokio::task::JoinHandle<()>,
}

/// A received delivery.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    /// `webhook-id`.
    pub(crate) id: String,
    pub(crate) body: Value,
    pub(crate) at: Instant,
}

struct ReceivedDeliveries {
    by_path: Mutex<BTreeMap<String, Vec<Delivery>>>,
    /// Whether requests to `/gated/…` are answered.
    open: watch::Sender<bool>,
}

impl WebhookReceiver {
    /// Starts a receiver that answers 204: to `/gated/…` once the gate is open, and to `/hanging/…` never.
    pub(crate) async fn start() -> Self {
        let received = Arc::new(ReceivedDeliveries { by_path: Mutex::default(), open: watch::Sender::new(false) });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let router = Router::new().fallback(receive).with_state(Arc::clone(&received));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("the receiver serves") });
        Self { address, received, task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Opens the gate: waiting and future requests to `/gated/…` are answered.
    pub(crate) fn open_gate(&self) {
        self.received.open.send_replace(true);
    }

    /// All deliveries to a path, in order of arrival.
    pub(crate) fn deliveries_to(&self, path: &str) -> Vec<Delivery> {
        self.received.lock().get(path).cloned().unwrap_or_default()
    }

    /// The number of deliveries to paths with this prefix.
    pub(crate) fn count(&self, prefix: &str) -> usize {
        self.received.lock().iter().filter(|(path, _)| path.starts_with(prefix)).map(|(_, sent)| sent.len()).sum()
    }

    /// The number of distinct events delivered to a path.
    pub(crate) fn distinct_events(&self, path: &str) -> usize {
        let received = self.received.lock();
        received.get(path).map_or(0, |sent| sent.iter().map(|delivery| &delivery.id).collect::<BTreeSet<_>>().len())
    }
}

impl Drop for WebhookReceiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ReceivedDeliveries {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Delivery>>> {
        self.by_path.lock().expect("no panic")
    }
}

async fn receive(
    State(received): State<Arc<ReceivedDeliveries>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let header = |name: &str| headers[name].to_str().expect("text").to_owned();
    let (id, signature) = (header("webhook-id"), header("webhook-signature"));
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(body["id"], id.as_str());
    assert!(signature.starts_with("v1,"), "{signature}");
    let path = uri.path().to_owned();
    received.lock().entry(path.clone()).or_default().push(Delivery { id, body, at: Instant::now() });
    if path.starts_with("/gated/") {
        received.open.subscribe().wait_for(|open| *open).await.expect("the gate exists");
    } else if path.starts_with("/hanging/") {
        std::future::pending::<()>().await;
    }
    StatusCode::NO_CONTENT
}
