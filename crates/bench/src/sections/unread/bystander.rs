//! A caller that does nothing wrong.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::{
    failure::Outcome,
    http::{Request, call},
    pause,
    servers::Process,
};

/// The interval between two calls, after each of which the memory is measured.
const INTERVAL: Duration = Duration::from_millis(50);

/// The calls that a bystander makes in turn.
pub(super) struct Bystander {
    pub(super) host: SocketAddr,
    pub(super) requests: Vec<Request>,
}

/// The observations of a bystander.
#[derive(Default)]
pub(super) struct Observed {
    pub(super) calls: usize,
    /// The calls that succeeded.
    pub(super) served: usize,
    pub(super) slowest: Duration,
    /// The highest resident memory of the server, in bytes.
    pub(super) peak: u64,
}

impl Bystander {
    /// Makes calls for this long.
    pub(super) fn observe(&self, process: &Process, window: Duration) -> Outcome<Observed> {
        let mut observed = Observed::default();
        let began = Instant::now();
        for request in self.requests.iter().cycle().take_while(|_| began.elapsed() < window) {
            let called = Instant::now();
            let answer = call(self.host, request);
            observed.calls += 1;
            observed.served += usize::from(answer.is_ok_and(|answer| answer.status < 300));
            observed.slowest = observed.slowest.max(called.elapsed());
            observed.peak = observed.peak.max(process.resident()?);
            pause::sleep(INTERVAL);
        }
        Ok(observed)
    }
}
