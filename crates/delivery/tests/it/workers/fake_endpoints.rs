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
use webhooks::{AttemptFailure, AttemptOutcome, EndpointUrl, Message, Sender};

/// The behaviour of an endpoint for one call.
#[derive(Clone)]
pub(crate) enum Behaviour {
    /// Responds with this status.
    Respond(u16),
    /// Responds with status 503 and this `Retry-After`.
    RetryAfter(Duration),
    /// Responds with status 200 once the gate has a permit.
    WaitForGate(Arc<Semaphore>),
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
pub(crate) struct FakeEndpoints {
    clock: Arc<TestClock>,
    state: Mutex<State>,
    in_flight: watch::Sender<usize>,
    made: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    once: HashMap<String, VecDeque<Behaviour>>,
    always: HashMap<String, Behaviour>,
    calls: Vec<Call>,
}

impl FakeEndpoints {
    pub(crate) fn new(clock: Arc<TestClock>) -> Self {
        Self { clock, state: Mutex::default(), in_flight: watch::Sender::new(0), made: watch::Sender::new(0) }
    }

    /// Sets the behaviour of the endpoint from now on.
    pub(crate) fn set_behaviour(&self, url: &str, behaviour: Behaviour) {
        self.state().always.insert(url.to_owned(), behaviour);
    }

    /// Sets the behaviour of the endpoint for its next calls.
    pub(crate) fn set_next_behaviours(&self, url: &str, behaviour: impl IntoIterator<Item = Behaviour>) {
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
    pub(crate) async fn wait_for_in_flight(&self, count: usize) {
        wait_for_count(&self.in_flight, count, "in flight").await;
    }

    /// Waits until this number of calls has been made.
    pub(crate) async fn wait_for_calls(&self, count: usize) {
        wait_for_count(&self.made, count, "made").await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn receive_call(&self, url: &str, message: Message) -> Behaviour {
        let mut state = self.state();
        state.calls.push(Call { url: url.to_owned(), at: self.clock.now(), message });
        let next = state.once.get_mut(url).and_then(VecDeque::pop_front);
        next.or_else(|| state.always.get(url).cloned()).unwrap_or(Behaviour::Respond(200))
    }
}

async fn wait_for_count(counter: &watch::Sender<usize>, count: usize, what: &str) {
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
impl Sender for FakeEndpoints {
    async fn send(&self, url: &EndpointUrl, message: Message) -> AttemptOutcome {
        let behaviour = self.receive_call(url.as_str(), message);
        self.in_flight.send_modify(|count| *count += 1);
        self.made.send_modify(|count| *count += 1);
        let _in_flight = InFlight(&self.in_flight);
        match behaviour {
            Behaviour::Respond(status) => outcome_with_status(status, None),
            Behaviour::RetryAfter(delay) => outcome_with_status(503, Some(delay)),
            Behaviour::WaitForGate(gate) => {
                gate.acquire().await.unwrap().forget();
                outcome_with_status(200, None)
            }
            Behaviour::Hang => std::future::pending().await,
        }
    }
}

fn outcome_with_status(status: u16, retry_after: Option<Duration>) -> AttemptOutcome {
    let failure = (!(200..300).contains(&status)).then_some(AttemptFailure::Refused);
    AttemptOutcome {
        duration: Duration::from_millis(3),
        status: Some(status),
        response_body: Some("text".to_owned()),
        failure,
        retry_after,
    }
}
