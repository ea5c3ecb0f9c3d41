//! Calls in flight that share one trip to the database.

mod sharing;

use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use kernel::StoreError;
use tokio::sync::oneshot;

use crate::engine::{shared, unavailable};
pub(crate) use sharing::{read, write};

/// How many trips are under way at once. While two are, calls wait for the next, and the more there are the more share it.
const TRIPS: usize = 2;
/// How many calls may wait for the next trip; beyond, callers are told to come back.
const WAITING: usize = 4096;

/// Calls that wait for the next trip. Each may have something held, `H`, until the trip has arrived.
pub(crate) struct Waiting<Q, A, H = ()> {
    state: Mutex<State<Q, A, H>>,
}

struct State<Q, A, H> {
    calls: Calls<Q, A, H>,
    /// Whether a trip is on its way that has not taken its calls along yet.
    called: bool,
    under_way: usize,
    /// Sends the next trip on its way, where calls wait for one to arrive before.
    next: Option<Depart<Q, A, H>>,
}

type Depart<Q, A, H> = Box<dyn FnOnce(Arc<Trip<Q, A, H>>) + Send>;

struct Calls<Q, A, H> {
    questions: Vec<Q>,
    callers: Callers<A, H>,
}

/// Where the answers go, and what is held until there are any.
struct Callers<A, H> {
    answers: Vec<oneshot::Sender<Result<A, StoreError>>>,
    held: Vec<H>,
}

/// A trip on its way. It takes the calls along as it begins, so it begins after each of them was made.
pub(crate) struct Trip<Q, A, H = ()> {
    waiting: Arc<Waiting<Q, A, H>>,
    questions: OnceLock<Vec<Q>>,
    callers: Mutex<Callers<A, H>>,
    arrived: AtomicBool,
}

impl<Q, A, H> Default for Waiting<Q, A, H> {
    fn default() -> Self {
        Self { state: Mutex::new(State { calls: Calls::default(), called: false, under_way: 0, next: None }) }
    }
}

impl<Q, A, H> Default for Calls<Q, A, H> {
    fn default() -> Self {
        Self { questions: Vec::new(), callers: Callers::default() }
    }
}

impl<A, H> Default for Callers<A, H> {
    fn default() -> Self {
        Self { answers: Vec::new(), held: Vec::new() }
    }
}

impl<Q, A, H> Waiting<Q, A, H> {
    /// Waits for the answer. `depart` sends a trip on its way, where none is about to take calls along. What is held is let
    /// go of once the trip has arrived, though the caller goes away, and before anybody is answered.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        question: Q,
        held: H,
        depart: impl FnOnce(Arc<Trip<Q, A, H>>) + Send + 'static,
    ) -> Result<A, StoreError> {
        let (answer, answered) = oneshot::channel();
        let departing = {
            let mut state = lock(&self.state);
            if state.calls.questions.len() >= WAITING {
                return Err(unavailable("too much work waits for the database"));
            }
            state.calls.questions.push(question);
            state.calls.callers.answers.push(answer);
            state.calls.callers.held.push(held);
            if state.called {
                None
            } else if state.under_way < TRIPS {
                state.set_out();
                Some(depart)
            } else {
                state.next.get_or_insert_with(|| Box::new(depart));
                None
            }
        };
        if let Some(depart) = departing {
            depart(self.trip());
        }
        answered.await.unwrap_or_else(|_| Err(unavailable("the call was lost: it broke off")))
    }

    fn trip(self: &Arc<Self>) -> Arc<Trip<Q, A, H>> {
        let (waiting, callers) = (Arc::clone(self), Mutex::default());
        Arc::new(Trip { waiting, questions: OnceLock::new(), callers, arrived: AtomicBool::new(false) })
    }
}

impl<Q, A, H> State<Q, A, H> {
    fn set_out(&mut self) {
        self.called = true;
        self.under_way += 1;
    }
}

impl<Q, A, H> Trip<Q, A, H> {
    /// The questions: those asked until this is first called, and the same ones when the trip is made again.
    pub(crate) fn board(&self) -> &[Q] {
        self.questions.get_or_init(|| {
            let mut state = lock(&self.waiting.state);
            state.called = false;
            let calls = mem::take(&mut state.calls);
            *lock(&self.callers) = calls.callers;
            calls.questions
        })
    }

    /// Answers the questions, in their order; callers who went away are no matter.
    pub(crate) fn arrive(&self, outcome: Result<Vec<A>, StoreError>) {
        if self.arrived.swap(true, Ordering::AcqRel) {
            return;
        }
        // A trip that was refused has not begun: whoever called for it is told so.
        self.board();
        let Callers { answers: calls, held } = mem::take(&mut *lock(&self.callers));
        drop(held);
        match outcome {
            Ok(answers) => calls.into_iter().zip(answers).for_each(|(call, answer)| drop(call.send(Ok(answer)))),
            Err(error) => {
                let error = Arc::new(error);
                calls.into_iter().for_each(|call| drop(call.send(Err(shared(&error)))));
            }
        }
        self.make_way();
    }

    /// Lets the next trip set out, where calls wait for it.
    fn make_way(&self) {
        let departing = {
            let mut state = lock(&self.waiting.state);
            state.under_way -= 1;
            let next = if state.called { None } else { state.next.take() };
            if next.is_some() {
                state.set_out();
            }
            next
        };
        if let Some(depart) = departing {
            depart(self.waiting.trip());
        }
    }
}

impl<Q, A, H> Drop for Trip<Q, A, H> {
    fn drop(&mut self) {
        // One that broke off stands in nobody's way.
        self.arrive(Err(unavailable("the call was lost: it broke off")));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, future::BoxFuture};

    use super::*;

    type Numbers = Arc<Waiting<u32, u32>>;
    type Trips = Arc<Mutex<Vec<Arc<Trip<u32, u32>>>>>;

    fn ask<'w>(waiting: &'w Numbers, trips: &Trips, question: u32) -> BoxFuture<'w, Result<u32, StoreError>> {
        let trips = Arc::clone(trips);
        let mut call = waiting.ask(question, (), move |trip| lock(&trips).push(trip)).boxed();
        assert!(call.as_mut().now_or_never().is_none());
        call
    }

    /// The trip that set out last.
    fn last(trips: &Trips) -> Arc<Trip<u32, u32>> {
        lock(trips).pop().unwrap()
    }

    fn tenfold(trip: &Trip<u32, u32>) {
        trip.arrive(Ok(trip.board().iter().map(|question| question * 10).collect()));
    }

    #[test]
    fn calls_made_before_a_trip_begins_share_it_and_later_ones_call_for_another() {
        let (waiting, trips) = (Numbers::default(), Trips::default());
        let (one, two) = (ask(&waiting, &trips, 1), ask(&waiting, &trips, 2));
        let first = last(&trips);
        assert_eq!(first.board(), [1, 2]);
        let three = ask(&waiting, &trips, 3);
        tenfold(&first);
        assert_eq!(one.now_or_never().unwrap().unwrap(), 10);
        assert_eq!(two.now_or_never().unwrap().unwrap(), 20);
        last(&trips).arrive(Err(unavailable("away")));
        assert!(matches!(three.now_or_never().unwrap(), Err(StoreError::Unavailable(_))));
    }

    #[test]
    fn while_two_trips_are_under_way_calls_wait_for_one_to_arrive_and_then_share_the_next() {
        let (waiting, trips) = (Numbers::default(), Trips::default());
        let _one = ask(&waiting, &trips, 1);
        let first = last(&trips);
        first.board();
        let _two = ask(&waiting, &trips, 2);
        let second = last(&trips);
        second.board();
        let (three, four) = (ask(&waiting, &trips, 3), ask(&waiting, &trips, 4));
        assert!(lock(&trips).is_empty());
        tenfold(&first);
        let third = last(&trips);
        assert_eq!(third.board(), [3, 4]);
        tenfold(&third);
        assert_eq!((three.now_or_never().unwrap().unwrap(), four.now_or_never().unwrap().unwrap()), (30, 40));
    }

    #[test]
    fn who_would_wait_behind_too_many_is_told_to_come_back() {
        let (waiting, trips) = (Numbers::default(), Trips::default());
        let calls: Vec<_> = (0..4096).map(|question| ask(&waiting, &trips, question)).collect();
        let refused = waiting.ask(4096, (), |_| ()).now_or_never().unwrap();
        assert!(matches!(refused, Err(StoreError::Unavailable(_))));
        tenfold(&last(&trips));
        let answers: Vec<u32> = calls.into_iter().map(|call| call.now_or_never().unwrap().unwrap()).collect();
        assert_eq!(answers.last(), Some(&40_950));
    }

    #[test]
    fn a_trip_that_breaks_off_stands_in_nobodys_way() {
        let (waiting, trips) = (Numbers::default(), Trips::default());
        for question in 0..5 {
            let call = ask(&waiting, &trips, question);
            drop(last(&trips));
            assert!(matches!(call.now_or_never().unwrap(), Err(StoreError::Unavailable(_))));
        }
    }

    #[test]
    fn what_a_call_has_held_is_let_go_of_when_the_trip_has_arrived_though_the_caller_went_away() {
        let waiting = Arc::new(Waiting::<u32, (), Arc<()>>::default());
        let (held, trips) = (Arc::new(()), Arc::new(Mutex::new(Vec::new())));
        let departures = Arc::clone(&trips);
        let asking = waiting.ask(1, Arc::clone(&held), move |trip| lock(&departures).push(trip));
        assert!(asking.now_or_never().is_none());
        let trip = lock(&trips).pop().unwrap();
        assert_eq!(trip.board(), [1]);
        assert_eq!(Arc::strong_count(&held), 2);
        trip.arrive(Ok(vec![()]));
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
