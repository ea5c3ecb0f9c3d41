//! A client-side load balancer: each request goes to the next server.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

/// The URLs of the servers of an installation, used in turn.
#[derive(Clone)]
pub(crate) struct Balancer(Arc<Servers>);

struct Servers {
    urls: Mutex<Vec<String>>,
    turn: AtomicUsize,
}

impl Balancer {
    pub(crate) fn new(urls: Vec<String>) -> Self {
        Self(Arc::new(Servers { urls: Mutex::new(urls), turn: AtomicUsize::new(0) }))
    }

    /// The URL of the next server in turn.
    pub(crate) fn next_url(&self) -> String {
        let urls = self.0.urls.lock().expect("no panic");
        urls[self.0.turn.fetch_add(1, Ordering::Relaxed) % urls.len()].clone()
    }

    /// The number of requests it has directed to servers.
    pub(crate) fn call_count(&self) -> usize {
        self.0.turn.load(Ordering::Relaxed)
    }

    /// The URL of the server with this index.
    pub(crate) fn url(&self, index: usize) -> String {
        self.0.urls.lock().expect("no panic")[index].clone()
    }

    /// Replaces the URL of the server with this index.
    pub(crate) fn set_url(&self, index: usize, url: &str) {
        self.0.urls.lock().expect("no panic")[index] = url.to_owned();
    }
}
