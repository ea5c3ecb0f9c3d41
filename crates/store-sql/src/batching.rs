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

use crate::engine::{shared_copy, unavailable};
pub(crate) use sharing::{read, write};

/// The maximum number of batches that run at once. While they run, calls wait for the next batch, so the batches grow
/// with the load.
const MAX_CONCURRENT_BATCHES: usize = 2;
/// The maximum number of calls that wait for the next batch; further calls get [`StoreError::Unavailable`].
const MAX_WAITING: usize = 4096;

/// Collects calls into batches. A call submits an item, `Q`, and gets its result, `A`. It may hold a guard, `H`, until
/// its batch has completed.
pub(crate) struct Batcher<Q, A, H = ()> {
    state: Mutex<State<Q, A, H>>,
    logged_retry: AtomicBool,
}

struct State<Q, A, H> {
    calls: PendingCalls<Q, A, H>,
    /// Whether a batch was dispatched that has not taken its items yet.
    scheduled: bool,
    running: usize,
    /// Dispatches the next batch, if calls wait for a running one to complete.
    next: Option<Dispatch<Q, A, H>>,
}

type Dispatch<Q, A, H> = Box<dyn FnOnce(Arc<CallBatch<Q, A, H>>) + Send>;

struct PendingCalls<Q, A, H> {
    items: Vec<Q>,
    callers: Callers<A, H>,
}

/// The channels of the callers, and the guards that are held until the batch has completed.
struct Callers<A, H> {
    senders: Vec<oneshot::Sender<Result<A, StoreError>>>,
    guards: Vec<H>,
}

/// A batch of calls. It takes its items when it begins to run, so it begins after each of its calls was made.
pub(crate) struct CallBatch<Q, A, H = ()> {
    batcher: Arc<Batcher<Q, A, H>>,
    items: OnceLock<Vec<Q>>,
    callers: Mutex<Callers<A, H>>,
    completed: AtomicBool,
}

impl<Q, A, H> Default for Batcher<Q, A, H> {
    fn default() -> Self {
        let state = State { calls: PendingCalls::default(), scheduled: false, running: 0, next: None };
        Self { state: Mutex::new(state), logged_retry: AtomicBool::new(false) }
    }
}

impl<Q, A, H> Default for PendingCalls<Q, A, H> {
    fn default() -> Self {
        Self { items: Vec::new(), callers: Callers::default() }
    }
}

impl<A, H> Default for Callers<A, H> {
    fn default() -> Self {
        Self { senders: Vec::new(), guards: Vec::new() }
    }
}

impl<Q, A, H> Batcher<Q, A, H> {
    /// Submits an item and waits for its result. `dispatch` starts a new batch, if none is about to take its items. The
    /// guard is dropped when the batch has completed, even if the caller is gone, and before any caller gets a result.
    pub(crate) async fn submit(
        self: &Arc<Self>,
        item: Q,
        guard: H,
        dispatch: impl FnOnce(Arc<CallBatch<Q, A, H>>) + Send + 'static,
    ) -> Result<A, StoreError> {
        let (sender, receiver) = oneshot::channel();
        let dispatched = {
            let mut state = lock(&self.state);
            if state.calls.items.len() >= MAX_WAITING {
                return Err(unavailable("too many requests are waiting for the database; try again later"));
            }
            state.calls.items.push(item);
            state.calls.callers.senders.push(sender);
            state.calls.callers.guards.push(guard);
            if state.scheduled {
                None
            } else if state.running < MAX_CONCURRENT_BATCHES {
                state.start_batch();
                Some(dispatch)
            } else {
                state.next.get_or_insert_with(|| Box::new(dispatch));
                None
            }
        };
        if let Some(dispatch) = dispatched {
            dispatch(self.new_batch());
        }
        receiver.await.unwrap_or_else(|_| Err(unavailable("the call was aborted before it completed")))
    }

    /// Logs, once, that the calls of a batch which failed are retried alone. Each then succeeds or fails by itself, so
    /// otherwise nobody would notice that a statement for several calls never works. Returns whether it was logged.
    pub(crate) fn log_retry(&self, error: &StoreError) -> bool {
        if self.logged_retry.swap(true, Ordering::Relaxed) {
            return false;
        }
        let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        tracing::warn!(
            "calls that shared a statement are run one by one, because it failed: {error}: {cause}; this is logged once \
             for each kind of call"
        );
        true
    }

    fn new_batch(self: &Arc<Self>) -> Arc<CallBatch<Q, A, H>> {
        let (batcher, callers) = (Arc::clone(self), Mutex::default());
        Arc::new(CallBatch { batcher, items: OnceLock::new(), callers, completed: AtomicBool::new(false) })
    }
}

impl<Q, A, H> State<Q, A, H> {
    fn start_batch(&mut self) {
        self.scheduled = true;
        self.running += 1;
    }
}

impl<Q, A, H> CallBatch<Q, A, H> {
    /// The items of the batch: those submitted until this is first called, and the same ones when the batch is retried.
    pub(crate) fn items(&self) -> &[Q] {
        self.items.get_or_init(|| {
            let mut state = lock(&self.batcher.state);
            state.scheduled = false;
            let calls = mem::take(&mut state.calls);
            *lock(&self.callers) = calls.callers;
            calls.items
        })
    }

    /// Completes the batch with the results of its items, in their order.
    pub(crate) fn complete(&self, outcome: Result<Vec<A>, StoreError>) {
        if self.completed.swap(true, Ordering::AcqRel) {
            return;
        }
        // A batch that was refused has not taken its items yet; their callers get the error.
        self.items();
        let Callers { senders, guards } = mem::take(&mut *lock(&self.callers));
        drop(guards);
        match outcome {
            Ok(results) => senders.into_iter().zip(results).for_each(|(sender, result)| drop(sender.send(Ok(result)))),
            Err(error) => {
                let error = Arc::new(error);
                senders.into_iter().for_each(|sender| drop(sender.send(Err(shared_copy(&error)))));
            }
        }
        self.dispatch_next();
    }

    /// Dispatches the next batch, if calls wait for it.
    fn dispatch_next(&self) {
        let dispatched = {
            let mut state = lock(&self.batcher.state);
            state.running -= 1;
            let next = if state.scheduled { None } else { state.next.take() };
            if next.is_some() {
                state.start_batch();
            }
            next
        };
        if let Some(dispatch) = dispatched {
            dispatch(self.batcher.new_batch());
        }
    }
}

impl<Q, A, H> Drop for CallBatch<Q, A, H> {
    fn drop(&mut self) {
        // An aborted batch must not block the next one.
        self.complete(Err(unavailable("the call was aborted before it completed")));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, future::BoxFuture};

    use super::*;

    type NumberBatcher = Arc<Batcher<u32, u32>>;
    type Dispatched = Arc<Mutex<Vec<Arc<CallBatch<u32, u32>>>>>;

    fn submit<'b>(
        batcher: &'b NumberBatcher,
        batches: &Dispatched,
        item: u32,
    ) -> BoxFuture<'b, Result<u32, StoreError>> {
        let batches = Arc::clone(batches);
        let mut call = batcher.submit(item, (), move |batch| lock(&batches).push(batch)).boxed();
        assert!(call.as_mut().now_or_never().is_none());
        call
    }

    /// The batch that was dispatched last.
    fn take_last(batches: &Dispatched) -> Arc<CallBatch<u32, u32>> {
        lock(batches).pop().unwrap()
    }

    fn complete_tenfold(batch: &CallBatch<u32, u32>) {
        batch.complete(Ok(batch.items().iter().map(|item| item * 10).collect()));
    }

    #[test]
    fn calls_made_before_a_batch_begins_share_it_and_later_ones_get_another() {
        let (batcher, batches) = (NumberBatcher::default(), Dispatched::default());
        let (one, two) = (submit(&batcher, &batches, 1), submit(&batcher, &batches, 2));
        let first = take_last(&batches);
        assert_eq!(first.items(), [1, 2]);
        let three = submit(&batcher, &batches, 3);
        complete_tenfold(&first);
        assert_eq!(one.now_or_never().unwrap().unwrap(), 10);
        assert_eq!(two.now_or_never().unwrap().unwrap(), 20);
        take_last(&batches).complete(Err(unavailable("unreachable")));
        assert!(matches!(three.now_or_never().unwrap(), Err(StoreError::Unavailable(_))));
    }

    #[test]
    fn calls_wait_while_two_batches_run_and_then_share_the_next() {
        let (batcher, batches) = (NumberBatcher::default(), Dispatched::default());
        let _one = submit(&batcher, &batches, 1);
        let first = take_last(&batches);
        first.items();
        let _two = submit(&batcher, &batches, 2);
        let second = take_last(&batches);
        second.items();
        let (three, four) = (submit(&batcher, &batches, 3), submit(&batcher, &batches, 4));
        assert!(lock(&batches).is_empty());
        complete_tenfold(&first);
        let third = take_last(&batches);
        assert_eq!(third.items(), [3, 4]);
        complete_tenfold(&third);
        assert_eq!((three.now_or_never().unwrap().unwrap(), four.now_or_never().unwrap().unwrap()), (30, 40));
    }

    #[test]
    fn a_call_behind_too_many_waiting_calls_gets_an_unavailable_error() {
        let (batcher, batches) = (NumberBatcher::default(), Dispatched::default());
        let calls: Vec<_> = (0..4096).map(|item| submit(&batcher, &batches, item)).collect();
        let rejected = batcher.submit(4096, (), |_| ()).now_or_never().unwrap();
        assert!(matches!(rejected, Err(StoreError::Unavailable(_))));
        complete_tenfold(&take_last(&batches));
        let results: Vec<u32> = calls.into_iter().map(|call| call.now_or_never().unwrap().unwrap()).collect();
        assert_eq!(results.last(), Some(&40_950));
    }

    #[test]
    fn the_retry_of_failed_batches_is_logged_once() {
        let batcher = NumberBatcher::default();
        let error = crate::engine::corrupt("refused");
        assert_eq!([batcher.log_retry(&error), batcher.log_retry(&error)], [true, false]);
        assert!(NumberBatcher::default().log_retry(&error), "another kind of call is logged too");
    }

    #[test]
    fn an_aborted_batch_does_not_block_later_ones() {
        let (batcher, batches) = (NumberBatcher::default(), Dispatched::default());
        for item in 0..5 {
            let call = submit(&batcher, &batches, item);
            drop(take_last(&batches));
            assert!(matches!(call.now_or_never().unwrap(), Err(StoreError::Unavailable(_))));
        }
    }

    #[test]
    fn the_guard_of_a_call_is_dropped_when_its_batch_completes_even_if_the_caller_is_gone() {
        let batcher = Arc::new(Batcher::<u32, (), Arc<()>>::default());
        let (guard, batches) = (Arc::new(()), Arc::new(Mutex::new(Vec::new())));
        let dispatched = Arc::clone(&batches);
        let call = batcher.submit(1, Arc::clone(&guard), move |batch| lock(&dispatched).push(batch));
        assert!(call.now_or_never().is_none());
        let batch = lock(&batches).pop().unwrap();
        assert_eq!(batch.items(), [1]);
        assert_eq!(Arc::strong_count(&guard), 2);
        batch.complete(Ok(vec![()]));
        assert_eq!(Arc::strong_count(&guard), 1);
    }
}
