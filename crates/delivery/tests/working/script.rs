//! Fake endpoints with scripted behaviour.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use kernel::{Clock, Timestamp};
use store_contract::TestClock;
use tokio::sync::{Semaphore, watch};
use webhooks::{EndpointUrl, Failure, Message, Outcome, Sender};

/// The behaviour of an endpoint for one call.
#[derive(Clone)]
pub(crate) enum Does {
    /// Responds with this status.
    Answer(u16),
    /// Responds with status 503 and this `Retry-After`.
    AskForRest(Duration),
    /// Responds with status 200 once the gate has a permit.
    Wait(Arc<Semaphore>),
    /// Never responds.
    Hang,
}

/// A call that was made.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) url: String,
    pub(crate) at: Timestamp,
    pub(crate) message: Message,
}

/// All endpoints. By default they respond with status 200.
pub(crate) struct Script {
    clock: Arc<TestClock>,
    state: Mutex<State>,
    in_flight: watch::Sender<usize>,
    made: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    once: HashMap<String, VecDeque<Does>>,
    always: HashMap<String, Does>,
    calls: Vec<Call>,
}

impl Script {
    pub(crate) fn new(clock: Arc<TestClock>) -> Self {
        Self { clock, state: Mutex::default(), in_flight: watch::Sender::new(0), made: watch::Sender::new(0) }
    }

    /// Sets the behaviour of the endpoint from now on.
    pub(crate) fn always(&self, url: &str, behaviour: Does) {
        self.state().always.insert(url.to_owned(), behaviour);
    }

    /// Sets the behaviour of the endpoint for its next calls.
    pub(crate) fn next(&self, url: &str, behaviour: impl IntoIterator<Item = Does>) {
        self.state().once.entry(url.to_owned()).or_default().extend(behaviour);
    }

    /// The calls so far, in order.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// The calls to one endpoint so far.
    pub(crate) fn calls_to(&self, url: &str) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.url == url).collect()
    }

    /// Waits until this number of calls is in flight.
    pub(crate) async fn in_flight(&self, count: usize) {
        reaches(&self.in_flight, count, "in flight").await;
    }

    /// Waits until this number of calls has been made.
    pub(crate) async fn made(&self, count: usize) {
        reaches(&self.made, count, "made").await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn heard(&self, url: &str, message: Message) -> Does {
        let mut state = self.state();
        state.calls.push(Call { url: url.to_owned(), at: self.clock.now(), message });
        let next = state.once.get_mut(url).and_then(VecDeque::pop_front);
        next.or_else(|| state.always.get(url).cloned()).unwrap_or(Does::Answer(200))
    }
}

async fn reaches(counter: &watch::Sender<usize>, count: usize, what: &str) {
    let mut receiver = counter.subscribe();
    let reached = tokio::time::timeout(Duration::from_secs(20), receiver.wait_for(|now| *now == count)).await;
    assert!(reached.is_ok(), "{} calls are {what} instead of {count}", *counter.borrow());
}

/// Counts a call as in flight until it is dropped, also if the call is cancelled.
struct InFlight<'a>(&'a watch::Sender<usize>);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

#[async_trait]
impl Sender for Script {
    async fn send(&self, url: &EndpointUrl, message: Message) -> Outcome {
        let behaviour = self.heard(url.as_str(), message);
        self.in_flight.send_modify(|count| *count += 1);
        self.made.send_modify(|count| *count += 1);
        let _in_flight = InFlight(&self.in_flight);
        match behaviour {
            Does::Answer(status) => answered(status, None),
            Does::AskForRest(delay) => answered(503, Some(delay)),
            Does::Wait(gate) => {
                gate.acquire().await.unwrap().forget();
                answered(200, None)
            }
            Does::Hang => std::future::pending().await,
        }
    }
}

fn answered(status: u16, retry_after: Option<Duration>) -> Outcome {
    let failure = (!(200..300).contains(&status)).then_some(Failure::Refused);
    let took = Duration::from_millis(3);
    Outcome { took, status: Some(status), answer: Some("text".to_owned()), failure, retry_after }
}
