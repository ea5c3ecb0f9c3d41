//! The real program in tests: servers of a temporary installation, its command line, and HTTP clients.

#![allow(dead_code, unused_imports, reason = "each test binary uses a part of this module")]

mod balancer;
mod client;
mod command;
mod database;
mod server;
mod server_cluster;
mod skew;

use std::time::{Duration, Instant};

use tokio::time::{Interval, MissedTickBehavior};

pub(crate) use balancer::Balancer;
pub(crate) use client::{Answer, Client, Credentials};
pub(crate) use command::{CommandOutput, Installation, UNSEALED};
pub(crate) use database::Database;
pub(crate) use server::{Server, Setup, finding};
pub(crate) use server_cluster::{KillLoop, ServerCluster};
pub(crate) use skew::{clock_ahead, clock_of_file, set_clock};

/// The time within which any awaited condition must hold.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Polls until there is a result; panics after [`DEADLINE`].
pub(crate) async fn eventually<T>(what: &str, mut poll: impl AsyncFnMut() -> Option<T>) -> T {
    let mut timer = PollTimer::new(what, DEADLINE);
    loop {
        timer.tick().await;
        if let Some(result) = poll().await {
            return result;
        }
    }
}

/// The timer of a polling loop with a timeout.
pub(crate) struct PollTimer<'a> {
    what: &'a str,
    started: Instant,
    timeout: Duration,
    ticks: Interval,
}

impl<'a> PollTimer<'a> {
    pub(crate) fn new(what: &'a str, timeout: Duration) -> Self {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { what, started: Instant::now(), timeout, ticks }
    }

    /// Waits for the next poll; panics after the timeout.
    pub(crate) async fn tick(&mut self) {
        assert!(self.started.elapsed() < self.timeout, "{} did not happen within {:?}", self.what, self.timeout);
        self.ticks.tick().await;
    }
}
