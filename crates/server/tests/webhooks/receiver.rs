//! A receiver on this machine. Whoever subscribes chooses its path, and with it how it is answered.

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

/// Listens until it is dropped.
pub(crate) struct Receiver {
    address: String,
    heard: Arc<Heard>,
    task: tokio::task::JoinHandle<()>,
}

/// What one subscription was sent.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    /// `webhook-id`.
    pub(crate) id: String,
    pub(crate) body: Value,
    pub(crate) at: Instant,
}

struct Heard {
    by_path: Mutex<BTreeMap<String, Vec<Delivery>>>,
    /// Whether calls to `/gated/…` are answered.
    open: watch::Sender<bool>,
}

impl Receiver {
    /// One that answers 204; under `/gated/`, once its gate is open; and never under `/hanging/`.
    pub(crate) async fn start() -> Self {
        let heard = Arc::new(Heard { by_path: Mutex::default(), open: watch::Sender::new(false) });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let router = Router::new().fallback(hear).with_state(Arc::clone(&heard));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { address, heard, task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers calls to `/gated/…`, those that wait and all to come.
    pub(crate) fn open(&self) {
        self.heard.open.send_replace(true);
    }

    /// All that was sent to a path, in the order it came.
    pub(crate) fn sent_to(&self, path: &str) -> Vec<Delivery> {
        self.heard.lock().get(path).cloned().unwrap_or_default()
    }

    /// How many were sent to paths that begin like this.
    pub(crate) fn count(&self, beginning: &str) -> usize {
        self.heard.lock().iter().filter(|(path, _)| path.starts_with(beginning)).map(|(_, sent)| sent.len()).sum()
    }

    /// How many different events were sent to a path.
    pub(crate) fn distinct(&self, path: &str) -> usize {
        let heard = self.heard.lock();
        heard.get(path).map_or(0, |sent| sent.iter().map(|delivery| &delivery.id).collect::<BTreeSet<_>>().len())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Heard {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Delivery>>> {
        self.by_path.lock().expect("no panic")
    }
}

async fn hear(State(heard): State<Arc<Heard>>, uri: Uri, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = |name: &str| headers[name].to_str().expect("text").to_owned();
    let (id, signature) = (header("webhook-id"), header("webhook-signature"));
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(body["id"], id.as_str());
    assert!(signature.starts_with("v1,"), "{signature}");
    let path = uri.path().to_owned();
    heard.lock().entry(path.clone()).or_default().push(Delivery { id, body, at: Instant::now() });
    if path.starts_with("/gated/") {
        heard.open.subscribe().wait_for(|open| *open).await.expect("the gate is there");
    } else if path.starts_with("/hanging/") {
        std::future::pending::<()>().await;
    }
    StatusCode::NO_CONTENT
}
