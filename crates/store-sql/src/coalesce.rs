//! Calls in flight that share one trip to the database.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kernel::StoreError;
use tokio::sync::oneshot;

use crate::engine::{corrupt, unavailable};

/// Calls that wait for the next trip. The trip takes them all as it begins, so it begins after each of them.
pub(crate) struct Waiting<Q, A> {
    state: Mutex<State<Q, A>>,
}

struct State<Q, A> {
    calls: Vec<Call<Q, A>>,
    /// Whether a trip is on its way that has not begun.
    called: bool,
}

/// A question and where its answer goes.
pub(crate) struct Call<Q, A> {
    pub(crate) question: Q,
    answer: oneshot::Sender<Result<A, StoreError>>,
}

impl<Q, A> Default for Waiting<Q, A> {
    fn default() -> Self {
        Self { state: Mutex::new(State { calls: Vec::new(), called: false }) }
    }
}

impl<Q, A> Waiting<Q, A> {
    /// Waits for the answer. `depart` sends a trip on its way, where none waits to begin.
    pub(crate) async fn ask(&self, question: Q, depart: impl FnOnce()) -> Result<A, StoreError> {
        let (answer, answered) = oneshot::channel();
        let first = {
            let mut state = self.state();
            state.calls.push(Call { question, answer });
            !mem::replace(&mut state.called, true)
        };
        if first {
            depart();
        }
        answered.await.unwrap_or_else(|_| Err(unavailable("the call was lost: it broke off")))
    }

    /// Takes the calls along: who asks from now on takes the next trip.
    pub(crate) fn board(&self) -> Vec<Call<Q, A>> {
        let mut state = self.state();
        state.called = false;
        mem::take(&mut state.calls)
    }

    fn state(&self) -> MutexGuard<'_, State<Q, A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Q, A> Call<Q, A> {
    /// Answers; a caller who went away is no matter.
    pub(crate) fn answer(self, answer: Result<A, StoreError>) {
        drop(self.answer.send(answer));
    }
}

/// Tells one failure to every call.
pub(crate) fn fail<Q, A>(calls: Vec<Call<Q, A>>, error: StoreError) {
    let error = Arc::new(error);
    for call in calls {
        let source = Arc::clone(&error);
        call.answer(Err(match *error {
            StoreError::Unavailable(_) => unavailable(source),
            StoreError::Corrupt(_) => corrupt(source),
        }));
    }
}
