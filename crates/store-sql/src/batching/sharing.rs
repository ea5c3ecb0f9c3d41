//! Reads and writes that concurrent calls share.

use std::{slice, sync::Arc};

use futures_util::future::BoxFuture;
use kernel::StoreError;

use super::{Batcher, CallBatch};
use crate::engine::{Engine, Session, corrupt};

/// Executes a batch: returns one result per item, in their order.
type ExecuteFn<Q, A> = for<'s> fn(&'s [Q], &'s Session) -> BoxFuture<'s, Result<Vec<A>, StoreError>>;

/// Reads in one batch with concurrent calls.
pub(crate) async fn read<Q: Copy + Send + Sync + 'static, A: Send + 'static>(
    batcher: &Arc<Batcher<Q, A>>,
    engine: &Arc<Engine>,
    item: Q,
    execute: ExecuteFn<Q, A>,
) -> Result<A, StoreError> {
    let reader = Arc::clone(engine);
    let dispatch = move |batch: Arc<CallBatch<Q, A>>| {
        let completing = Arc::clone(&batch);
        reader.spawn_read(
            batch,
            move |batch, session| execute(batch.items(), session),
            move |outcome| completing.complete(outcome),
        );
    };
    match batcher.submit(item, (), dispatch).await {
        // The corrupt row may belong to another call, so this one is retried alone.
        Err(error @ StoreError::Corrupt(_)) => {
            batcher.log_retry(&error);
            let single = engine.read(item, move |item, session| execute(slice::from_ref(item), session));
            only(single.await?)
        }
        result => result,
    }
}

/// Writes in one transaction with concurrent calls. The guard is dropped when the transaction has ended.
pub(crate) async fn write<Q: Send + Sync + 'static, A: Send + 'static, H: Send + Sync + 'static>(
    batcher: &Arc<Batcher<Q, A, H>>,
    engine: &Arc<Engine>,
    item: impl Fn() -> (Q, H) + Send + Sync,
    execute: ExecuteFn<Q, A>,
) -> Result<A, StoreError> {
    let writer = Arc::clone(engine);
    let dispatch = move |batch: Arc<CallBatch<Q, A, H>>| {
        let completing = Arc::clone(&batch);
        writer.spawn_write(
            batch,
            move |batch, session| execute(batch.items(), session),
            move |outcome| completing.complete(outcome),
        );
    };
    let (submitted, guard) = item();
    match batcher.submit(submitted, guard, dispatch).await {
        // The row that can't be stored may belong to another call, so this one is retried alone.
        Err(error @ StoreError::Corrupt(_)) => {
            batcher.log_retry(&error);
            let single = engine.write(item(), move |(item, _), session| execute(slice::from_ref(item), session));
            only(single.await?)
        }
        result => result,
    }
}

fn only<A>(results: Vec<A>) -> Result<A, StoreError> {
    results.into_iter().next().ok_or_else(|| corrupt("a call of the batch has no result"))
}
