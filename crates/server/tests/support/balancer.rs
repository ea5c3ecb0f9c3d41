//! A load balancer, as far as a client sees one: each call goes to the next server.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

/// Where the servers of an installation are.
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

    /// The server whose turn it is.
    pub(crate) fn next(&self) -> String {
        let urls = self.0.urls.lock().expect("no panic");
        urls[self.0.turn.fetch_add(1, Ordering::Relaxed) % urls.len()].clone()
    }

    /// How many calls it has passed on.
    pub(crate) fn calls(&self) -> usize {
        self.0.turn.load(Ordering::Relaxed)
    }

    /// The server at a place.
    pub(crate) fn at(&self, place: usize) -> String {
        self.0.urls.lock().expect("no panic")[place].clone()
    }

    /// From now on the server at a place is here.
    pub(crate) fn moved(&self, place: usize, url: &str) {
        self.0.urls.lock().expect("no panic")[place] = url.to_owned();
    }
}
