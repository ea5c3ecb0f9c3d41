//! The real program in tests: a server on a folder of its own, the command line beside it, and a client that speaks HTTP.

#![allow(dead_code, unused_imports, reason = "each test program uses the part it needs")]

mod client;
mod command;
mod server;

use std::time::{Duration, Instant};

pub(crate) use client::{Answer, Client, Credentials};
pub(crate) use command::{Installation, Ran};
pub(crate) use server::{Server, Setup, finding};

/// How long anything in these tests may take before it counts as not happening.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Asks again and again until there is an answer.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    loop {
        pace.tick().await;
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(start.elapsed() < DEADLINE, "{what} did not happen within {DEADLINE:?}");
    }
}
