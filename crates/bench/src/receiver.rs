//! An endpoint that receives webhooks: it counts them and, on request, records when each arrived.

use std::{
    mem,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post, serve::ListenerExt};
use tokio::net::TcpListener;

use crate::failure::Outcome;

/// A receiver on a thread of its own, which runs until the benchmark ends.
pub(crate) struct Receiver {
    address: SocketAddr,
    received: Arc<Received>,
}

#[derive(Default)]
struct Received {
    count: AtomicU64,
    is_recording: AtomicBool,
    arrivals: Mutex<Vec<(Instant, Bytes)>>,
}

impl Receiver {
    pub(crate) fn start() -> Outcome<Self> {
        let taken = Arc::new(Received::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let address = listener.local_addr()?;
        let router = Router::new().route("/hook", post(receive)).with_state(Arc::clone(&taken));
        // If it fails, the connection is only slower.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        thread::spawn(move || runtime.block_on(async { axum::serve(listener, router).await }));
        Ok(Self { address, received: taken })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Returns how many webhooks arrived so far.
    pub(crate) fn count(&self) -> u64 {
        self.received.count.load(Ordering::Relaxed)
    }

    /// Starts to record arrivals.
    pub(crate) fn start_recording(&self) {
        self.received.is_recording.store(true, Ordering::Relaxed);
    }

    /// Stops recording and returns the recorded arrivals.
    pub(crate) fn take_arrivals(&self) -> Vec<(Instant, Bytes)> {
        self.received.is_recording.store(false, Ordering::Relaxed);
        mem::take(&mut *self.received.arrivals.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A receiver that accepts every connection and never responds, which runs until the benchmark ends.
pub(crate) struct UnresponsiveReceiver {
    address: SocketAddr,
}

impl UnresponsiveReceiver {
    pub(crate) fn start() -> Outcome<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        thread::spawn(move || listener.incoming().collect::<Vec<_>>());
        Ok(Self { address })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }
}

async fn receive(State(taken): State<Arc<Received>>, body: Bytes) -> StatusCode {
    if taken.is_recording.load(Ordering::Relaxed) {
        taken.arrivals.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), body));
    }
    taken.count.fetch_add(1, Ordering::Relaxed);
    StatusCode::NO_CONTENT
}
