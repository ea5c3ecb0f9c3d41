//! Calls in flight that share one trip to the database.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use kernel::StoreError;
use tokio::sync::oneshot;

use crate::engine::{corrupt, unavailable};

/// Calls that wait for the next trip.
pub(crate) struct Waiting<Q, A> {
    state: Mutex<State<Q, A>>,
}

struct State<Q, A> {
    calls: Calls<Q, A>,
    /// Whether a trip is on its way that has not taken its calls along yet.
    called: bool,
}

struct Calls<Q, A> {
    questions: Vec<Q>,
    answers: Vec<oneshot::Sender<Result<A, StoreError>>>,
}

/// A trip on its way. It takes the calls along as it begins, so it begins after each of them was made.
pub(crate) struct Trip<Q, A> {
    waiting: Arc<Waiting<Q, A>>,
    questions: OnceLock<Vec<Q>>,
    answers: Mutex<Vec<oneshot::Sender<Result<A, StoreError>>>>,
}

impl<Q, A> Default for Waiting<Q, A> {
    fn default() -> Self {
        Self { state: Mutex::new(State { calls: Calls::default(), called: false }) }
    }
}

impl<Q, A> Default for Calls<Q, A> {
    fn default() -> Self {
        Self { questions: Vec::new(), answers: Vec::new() }
    }
}

impl<Q, A> Waiting<Q, A> {
    /// Waits for the answer. `depart` sends a trip on its way, where none is about to take calls along.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        question: Q,
        depart: impl FnOnce(Arc<Trip<Q, A>>),
    ) -> Result<A, StoreError> {
        let (answer, answered) = oneshot::channel();
        let first = {
            let mut state = lock(&self.state);
            state.calls.questions.push(question);
            state.calls.answers.push(answer);
            !mem::replace(&mut state.called, true)
        };
        if first {
            depart(Arc::new(Trip { waiting: Arc::clone(self), questions: OnceLock::new(), answers: Mutex::default() }));
        }
        answered.await.unwrap_or_else(|_| Err(unavailable("the call was lost: it broke off")))
    }
}

impl<Q, A> Trip<Q, A> {
    /// The questions: those asked until this is first called, and the same ones when the trip is made again.
    pub(crate) fn board(&self) -> &[Q] {
        self.questions.get_or_init(|| {
            let mut state = lock(&self.waiting.state);
            state.called = false;
            let calls = mem::take(&mut state.calls);
            *lock(&self.answers) = calls.answers;
            calls.questions
        })
    }

    /// Answers the questions, in their order; callers who went away are no matter.
    pub(crate) fn arrive(&self, outcome: Result<Vec<A>, StoreError>) {
        // A trip that was refused has not begun: whoever called for it is told so.
        self.board();
        let calls = mem::take(&mut *lock(&self.answers));
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
        let ask = |question| waiting.ask(question, |trip| lock(&trips).push(trip)).boxed_local();
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
}
