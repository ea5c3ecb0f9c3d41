//! Calls in flight that share one trip to the database.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use kernel::StoreError;
use tokio::sync::oneshot;

use crate::engine::{corrupt, unavailable};

/// Calls that wait for the next trip. Each may have something held, `H`, until the trip has arrived.
pub(crate) struct Waiting<Q, A, H = ()> {
    state: Mutex<State<Q, A, H>>,
}

struct State<Q, A, H> {
    calls: Calls<Q, A, H>,
    /// Whether a trip is on its way that has not taken its calls along yet.
    called: bool,
}

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
}

impl<Q, A, H> Default for Waiting<Q, A, H> {
    fn default() -> Self {
        Self { state: Mutex::new(State { calls: Calls::default(), called: false }) }
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
        depart: impl FnOnce(Arc<Trip<Q, A, H>>),
    ) -> Result<A, StoreError> {
        let (answer, answered) = oneshot::channel();
        let first = {
            let mut state = lock(&self.state);
            state.calls.questions.push(question);
            state.calls.callers.answers.push(answer);
            state.calls.callers.held.push(held);
            !mem::replace(&mut state.called, true)
        };
        if first {
            depart(Arc::new(Trip { waiting: Arc::clone(self), questions: OnceLock::new(), callers: Mutex::default() }));
        }
        answered.await.unwrap_or_else(|_| Err(unavailable("the call was lost: it broke off")))
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
        // A trip that was refused has not begun: whoever called for it is told so.
        self.board();
        let Callers { answers: calls, held } = mem::take(&mut *lock(&self.callers));
        drop(held);
        match outcome {
            Ok(answers) => calls.into_iter().zip(answers).for_each(|(call, answer)| drop(call.send(Ok(answer)))),
            Err(error) => {
                let error = Arc::new(error);
                calls.into_iter().for_each(|call| drop(call.send(Err(told(&error)))));
            }
        }
    }
}

fn told(error: &Arc<StoreError>) -> StoreError {
    match **error {
        StoreError::Unavailable(_) => unavailable(Arc::clone(error)),
        StoreError::Corrupt(_) => corrupt(Arc::clone(error)),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn calls_made_before_a_trip_begins_share_it_and_later_ones_call_for_another() {
        let waiting = Arc::new(Waiting::<u32, u32>::default());
        let trips = Mutex::new(Vec::new());
        let ask = |question| waiting.ask(question, (), |trip| lock(&trips).push(trip)).boxed_local();
        let (mut one, mut two) = (ask(1), ask(2));
        assert!(one.as_mut().now_or_never().is_none() && two.as_mut().now_or_never().is_none());
        let first = lock(&trips).pop().unwrap();
        assert_eq!(first.board(), [1, 2]);
        let mut three = ask(3);
        assert!(three.as_mut().now_or_never().is_none());
        first.arrive(Ok(first.board().iter().map(|question| question * 10).collect()));
        assert_eq!(one.now_or_never().unwrap().unwrap(), 10);
        assert_eq!(two.now_or_never().unwrap().unwrap(), 20);
        let second = lock(&trips).pop().unwrap();
        second.arrive(Err(unavailable("away")));
        assert!(matches!(three.now_or_never().unwrap(), Err(StoreError::Unavailable(_))));
    }

    #[test]
    fn what_a_call_has_held_is_let_go_of_when_the_trip_has_arrived_though_the_caller_went_away() {
        let waiting = Arc::new(Waiting::<u32, (), Arc<()>>::default());
        let (held, mut trips) = (Arc::new(()), Vec::new());
        assert!(waiting.ask(1, Arc::clone(&held), |trip| trips.push(trip)).now_or_never().is_none());
        let trip = trips.pop().unwrap();
        assert_eq!(trip.board(), [1]);
        assert_eq!(Arc::strong_count(&held), 2);
        trip.arrive(Ok(vec![()]));
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
