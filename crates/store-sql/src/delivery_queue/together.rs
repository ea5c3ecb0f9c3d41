//! Calls of many lanes in flight at once, which share a transaction or a look.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use kernel::{Stamp, StoreError};
use webhooks::{Due, Undone};

use super::{deliveries::Asked, holding::Leaving, settling::Settling};
use crate::{
    coalesce::{Trip, Waiting},
    engine::{Engine, Session},
};

/// Answers questions that were asked together.
type Travel<Q, A> = for<'s> fn(&'s [Q], &'s Session) -> BoxFuture<'s, Result<Vec<A>, StoreError>>;

#[derive(Default)]
pub(crate) struct Together {
    pub(super) due: Arc<Waiting<Asked, Vec<Due>>>,
    pub(super) settling: Arc<Waiting<Settling, Vec<Undone>, Stamp>>,
    pub(super) leaving: Arc<Waiting<Leaving, bool>>,
}

/// Reads, with whoever else asks.
pub(super) async fn read<Q: Send + Sync + 'static, A: Send + 'static>(
    waiting: &Arc<Waiting<Q, A>>,
    engine: &Arc<Engine>,
    question: Q,
    travel: Travel<Q, A>,
) -> Result<A, StoreError> {
    let engine = Arc::clone(engine);
    let depart = move |trip: Arc<Trip<Q, A>>| {
        let arriving = Arc::clone(&trip);
        engine.read_apart(
            trip,
            move |trip, session| travel(trip.board(), session),
            move |outcome| arriving.arrive(outcome),
        );
    };
    waiting.ask(question, (), depart).await
}

/// Writes in one transaction with whoever else does. What is held is let go of once that is over.
pub(super) async fn write<Q: Send + Sync + 'static, A: Send + 'static, H: Send + 'static>(
    waiting: &Arc<Waiting<Q, A, H>>,
    engine: &Arc<Engine>,
    question: Q,
    held: H,
    travel: Travel<Q, A>,
) -> Result<A, StoreError> {
    let engine = Arc::clone(engine);
    let depart = move |trip: Arc<Trip<Q, A, H>>| {
        let arriving = Arc::clone(&trip);
        engine.write_apart(
            trip,
            move |trip, session| travel(trip.board(), session),
            move |outcome| arriving.arrive(outcome),
        );
    };
    waiting.ask(question, held, depart).await
}
