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
    pub(crate) fn over(urls: Vec<String>) -> Self {
        Self(Arc::new(Servers { urls: Mutex::new(urls), turn: AtomicUsize::new(0) }))
    }

    /// The URL of the next server in turn.
    pub(crate) fn next(&self) -> String {
        let urls = self.0.urls.lock().expect("no panic");
        urls[self.0.turn.fetch_add(1, Ordering::Relaxed) % urls.len()].clone()
    }

    /// The number of requests it has directed to servers.
    pub(crate) fn calls(&self) -> usize {
        self.0.turn.load(Ordering::Relaxed)
    }

    /// The URL of the server with this index.
    pub(crate) fn at(&self, index: usize) -> String {
        self.0.urls.lock().expect("no panic")[index].clone()
    }

    /// Replaces the URL of the server with this index.
    pub(crate) fn moved(&self, index: usize, url: &str) {
        self.0.urls.lock().expect("no panic")[index] = url.to_owned();
    }
}
