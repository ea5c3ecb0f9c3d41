//! The real program in tests: servers over an installation of their own, the command line beside them, and clients that
//! speak HTTP.

#![allow(dead_code, unused_imports, reason = "each test program uses the part it needs")]

mod balancer;
mod client;
mod command;
mod database;
mod fleet;
mod postgres;
mod server;
mod skew;

use std::time::{Duration, Instant};

use tokio::time::{Interval, MissedTickBehavior};

pub(crate) use balancer::Balancer;
pub(crate) use client::{Answer, Client, Credentials};
pub(crate) use command::{Installation, Ran};
pub(crate) use database::Database;
pub(crate) use fleet::{Fleet, Havoc};
pub(crate) use server::{Server, Setup, finding};
pub(crate) use skew::clock_ahead;

/// How long anything in these tests may take before it counts as not happening.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Asks again and again until there is an answer.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let mut pace = Pace::until(what, DEADLINE);
    loop {
        pace.tick().await;
        if let Some(answer) = ask().await {
            return answer;
        }
    }
}

/// When to ask again, until it is too late.
pub(crate) struct Pace<'a> {
    what: &'a str,
    begun: Instant,
    patience: Duration,
    ticks: Interval,
}

impl<'a> Pace<'a> {
    pub(crate) fn until(what: &'a str, patience: Duration) -> Self {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { what, begun: Instant::now(), patience, ticks }
    }

    /// Waits a little; fails once that was often enough.
    pub(crate) async fn tick(&mut self) {
        assert!(self.begun.elapsed() < self.patience, "{} did not happen within {:?}", self.what, self.patience);
        self.ticks.tick().await;
    }
}
