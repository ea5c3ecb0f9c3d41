//! Request coalescing: concurrent calls share one query or transaction.

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

/// The maximum number of batches that run at once. While they run, calls wait for the next batch, so the batches grow
/// with the load.
const TRIPS: usize = 2;
/// The maximum number of calls that wait for the next batch; further calls get [`StoreError::Unavailable`].
const WAITING: usize = 4096;

/// Collects calls into batches. Each call may hold a guard, `H`, until its batch has completed.
pub(crate) struct Waiting<Q, A, H = ()> {
    state: Mutex<State<Q, A, H>>,
}

struct State<Q, A, H> {
    calls: Calls<Q, A, H>,
    /// Whether a batch was dispatched that has not taken its items yet.
    called: bool,
    under_way: usize,
    /// Dispatches the next batch, if calls wait for a running one to complete.
    next: Option<Depart<Q, A, H>>,
}

type Depart<Q, A, H> = Box<dyn FnOnce(Arc<Trip<Q, A, H>>) + Send>;

struct Calls<Q, A, H> {
    questions: Vec<Q>,
    callers: Callers<A, H>,
}

/// The channels of the callers, and the guards that are held until the batch has completed.
struct Callers<A, H> {
    answers: Vec<oneshot::Sender<Result<A, StoreError>>>,
    held: Vec<H>,
}

/// A batch of calls. It takes its items when it begins to run, so it begins after each of its calls was made.
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
    /// Submits an item and waits for its result. `dispatch` starts a new batch, if none is about to take its items. The
    /// guard is dropped when the batch has completed, even if the caller is gone, and before any caller gets a result.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        item: Q,
        guard: H,
        dispatch: impl FnOnce(Arc<Trip<Q, A, H>>) + Send + 'static,
    ) -> Result<A, StoreError> {
        let (sender, receiver) = oneshot::channel();
        let dispatched = {
            let mut state = lock(&self.state);
            if state.calls.questions.len() >= WAITING {
                return Err(unavailable("too many requests are waiting for the database; try again later"));
            }
            state.calls.questions.push(item);
            state.calls.callers.answers.push(sender);
            state.calls.callers.held.push(guard);
            if state.called {
                None
            } else if state.under_way < TRIPS {
                state.set_out();
                Some(dispatch)
            } else {
                state.next.get_or_insert_with(|| Box::new(dispatch));
                None
            }
        };
        if let Some(dispatch) = dispatched {
            dispatch(self.trip());
        }
        receiver.await.unwrap_or_else(|_| Err(unavailable("the call was aborted before it completed")))
    }

    fn trip(self: &Arc<Self>) -> Arc<Trip<Q, A, H>> {
        let (batcher, callers) = (Arc::clone(self), Mutex::default());
        Arc::new(Trip { waiting: batcher, questions: OnceLock::new(), callers, arrived: AtomicBool::new(false) })
    }
}

impl<Q, A, H> State<Q, A, H> {
    fn set_out(&mut self) {
        self.called = true;
        self.under_way += 1;
    }
}

impl<Q, A, H> Trip<Q, A, H> {
    /// The items of the batch: those submitted until this is first called, and the same ones when the batch is retried.
    pub(crate) fn board(&self) -> &[Q] {
        self.questions.get_or_init(|| {
            let mut state = lock(&self.waiting.state);
            state.called = false;
            let calls = mem::take(&mut state.calls);
            *lock(&self.callers) = calls.callers;
            calls.questions
        })
    }

    /// Completes the batch with the results of its items, in their order.
    pub(crate) fn arrive(&self, outcome: Result<Vec<A>, StoreError>) {
        if self.arrived.swap(true, Ordering::AcqRel) {
            return;
        }
        // A batch that was refused has not taken its items yet; their callers get the error.
        self.board();
        let Callers { answers: senders, held: guards } = mem::take(&mut *lock(&self.callers));
        drop(guards);
        match outcome {
            Ok(results) => senders.into_iter().zip(results).for_each(|(sender, result)| drop(sender.send(Ok(result)))),
            Err(error) => {
                let error = Arc::new(error);
                senders.into_iter().for_each(|sender| drop(sender.send(Err(shared(&error)))));
            }
        }
        self.make_way();
    }

    /// Dispatches the next batch, if calls wait for it.
    fn make_way(&self) {
        let dispatched = {
            let mut state = lock(&self.waiting.state);
            state.under_way -= 1;
            let next = if state.called { None } else { state.next.take() };
            if next.is_some() {
                state.set_out();
            }
            next
        };
        if let Some(dispatch) = dispatched {
            dispatch(self.waiting.trip());
        }
    }
}

impl<Q, A, H> Drop for Trip<Q, A, H> {
    fn drop(&mut self) {
        // An aborted batch must not block the next one.
        self.arrive(Err(unavailable("the call was aborted before it completed")));
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

    fn ask<'b>(batcher: &'b Numbers, batches: &Trips, item: u32) -> BoxFuture<'b, Result<u32, StoreError>> {
        let batches = Arc::clone(batches);
        let mut call = batcher.ask(item, (), move |batch| lock(&batches).push(batch)).boxed();
        assert!(call.as_mut().now_or_never().is_none());
        call
    }

    /// The batch that was dispatched last.
    fn last(batches: &Trips) -> Arc<Trip<u32, u32>> {
        lock(batches).pop().unwrap()
    }

    fn tenfold(batch: &Trip<u32, u32>) {
        batch.arrive(Ok(batch.board().iter().map(|item| item * 10).collect()));
    }

    #[test]
    fn calls_made_before_a_trip_begins_share_it_and_later_ones_call_for_another() {
        let (batcher, batches) = (Numbers::default(), Trips::default());
        let (one, two) = (ask(&batcher, &batches, 1), ask(&batcher, &batches, 2));
        let first = last(&batches);
        assert_eq!(first.board(), [1, 2]);
        let three = ask(&batcher, &batches, 3);
        tenfold(&first);
        assert_eq!(one.now_or_never().unwrap().unwrap(), 10);
        assert_eq!(two.now_or_never().unwrap().unwrap(), 20);
        last(&batches).arrive(Err(unavailable("unreachable")));
        assert!(matches!(three.now_or_never().unwrap(), Err(StoreError::Unavailable(_))));
    }

    #[test]
    fn while_two_trips_are_under_way_calls_wait_for_one_to_arrive_and_then_share_the_next() {
        let (batcher, batches) = (Numbers::default(), Trips::default());
        let _one = ask(&batcher, &batches, 1);
        let first = last(&batches);
        first.board();
        let _two = ask(&batcher, &batches, 2);
        let second = last(&batches);
        second.board();
        let (three, four) = (ask(&batcher, &batches, 3), ask(&batcher, &batches, 4));
        assert!(lock(&batches).is_empty());
        tenfold(&first);
        let third = last(&batches);
        assert_eq!(third.board(), [3, 4]);
        tenfold(&third);
        assert_eq!((three.now_or_never().unwrap().unwrap(), four.now_or_never().unwrap().unwrap()), (30, 40));
    }

    #[test]
    fn who_would_wait_behind_too_many_is_told_to_come_back() {
        let (batcher, batches) = (Numbers::default(), Trips::default());
        let calls: Vec<_> = (0..4096).map(|item| ask(&batcher, &batches, item)).collect();
        let rejected = batcher.ask(4096, (), |_| ()).now_or_never().unwrap();
        assert!(matches!(rejected, Err(StoreError::Unavailable(_))));
        tenfold(&last(&batches));
        let results: Vec<u32> = calls.into_iter().map(|call| call.now_or_never().unwrap().unwrap()).collect();
        assert_eq!(results.last(), Some(&40_950));
    }

    #[test]
    fn a_trip_that_breaks_off_stands_in_nobodys_way() {
        let (batcher, batches) = (Numbers::default(), Trips::default());
        for item in 0..5 {
            let call = ask(&batcher, &batches, item);
            drop(last(&batches));
            assert!(matches!(call.now_or_never().unwrap(), Err(StoreError::Unavailable(_))));
        }
    }

    #[test]
    fn what_a_call_has_held_is_let_go_of_when_the_trip_has_arrived_though_the_caller_went_away() {
        let batcher = Arc::new(Waiting::<u32, (), Arc<()>>::default());
        let (guard, batches) = (Arc::new(()), Arc::new(Mutex::new(Vec::new())));
        let dispatched = Arc::clone(&batches);
        let call = batcher.ask(1, Arc::clone(&guard), move |batch| lock(&dispatched).push(batch));
        assert!(call.now_or_never().is_none());
        let batch = lock(&batches).pop().unwrap();
        assert_eq!(batch.board(), [1]);
        assert_eq!(Arc::strong_count(&guard), 2);
        batch.arrive(Ok(vec![()]));
        assert_eq!(Arc::strong_count(&guard), 1);
    }
}
