//! Endpoints that answer as they are told.

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

/// What an endpoint does with a call.
#[derive(Clone)]
pub(crate) enum Does {
    /// Answers with this status.
    Answer(u16),
    /// Asks to be left alone for so long.
    AskForRest(Duration),
    /// Answers 200 once the gate lets it.
    Wait(Arc<Semaphore>),
    /// Never answers.
    Hang,
}

/// A call that was made.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) url: String,
    pub(crate) at: Timestamp,
    pub(crate) message: Message,
}

/// All endpoints there are. Where nothing was told, they answer 200.
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

    /// The endpoint does this from now on.
    pub(crate) fn always(&self, url: &str, does: Does) {
        self.state().always.insert(url.to_owned(), does);
    }

    /// The endpoint does this with its next calls, before anything else.
    pub(crate) fn next(&self, url: &str, does: impl IntoIterator<Item = Does>) {
        self.state().once.entry(url.to_owned()).or_default().extend(does);
    }

    /// The calls that were made so far, in their order.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// The calls that were made to one endpoint.
    pub(crate) fn calls_to(&self, url: &str) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.url == url).collect()
    }

    /// Waits until so many calls are in flight.
    pub(crate) async fn in_flight(&self, count: usize) {
        reaches(&self.in_flight, count, "in flight").await;
    }

    /// Waits until so many calls were made.
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

async fn reaches(counted: &watch::Sender<usize>, count: usize, what: &str) {
    let mut receiver = counted.subscribe();
    let reached = tokio::time::timeout(Duration::from_secs(20), receiver.wait_for(|now| *now == count)).await;
    assert!(reached.is_ok(), "{} calls are {what}, not {count}", *counted.borrow());
}

/// In flight until it is dropped, so that a call that is cut off counts no longer either.
struct InFlight<'a>(&'a watch::Sender<usize>);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

#[async_trait]
impl Sender for Script {
    async fn send(&self, url: &EndpointUrl, message: Message) -> Outcome {
        let does = self.heard(url.as_str(), message);
        self.in_flight.send_modify(|count| *count += 1);
        self.made.send_modify(|count| *count += 1);
        let _in_flight = InFlight(&self.in_flight);
        match does {
            Does::Answer(status) => answered(status, None),
            Does::AskForRest(rest) => answered(503, Some(rest)),
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
    Outcome { took, status: Some(status), answer: Some("said".to_owned()), failure, retry_after }
}
