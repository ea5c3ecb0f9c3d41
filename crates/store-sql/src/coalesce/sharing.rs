//! Calls in flight at once, which share a look or a transaction.

use std::{slice, sync::Arc};

use futures_util::future::BoxFuture;
use kernel::StoreError;

use super::{Trip, Waiting};
use crate::engine::{Engine, Session, corrupt};

/// Answers questions that were asked together.
type Travel<Q, A> = for<'s> fn(&'s [Q], &'s Session) -> BoxFuture<'s, Result<Vec<A>, StoreError>>;

/// Reads, with whoever else asks.
pub(crate) async fn read<Q: Copy + Send + Sync + 'static, A: Send + 'static>(
    waiting: &Arc<Waiting<Q, A>>,
    engine: &Arc<Engine>,
    question: Q,
    travel: Travel<Q, A>,
) -> Result<A, StoreError> {
    let reading = Arc::clone(engine);
    let depart = move |trip: Arc<Trip<Q, A>>| {
        let arriving = Arc::clone(&trip);
        reading.read_apart(
            trip,
            move |trip, session| travel(trip.board(), session),
            move |outcome| arriving.arrive(outcome),
        );
    };
    match waiting.ask(question, (), depart).await {
        // It may be somebody else's row that can't be read.
        Err(StoreError::Corrupt(_)) => {
            let alone = engine.read(question, move |question, session| travel(slice::from_ref(question), session));
            only(alone.await?)
        }
        told => told,
    }
}

/// Writes in one transaction with whoever else does. What is held is let go of once that is over.
pub(crate) async fn write<Q: Send + Sync + 'static, A: Send + 'static, H: Send + Sync + 'static>(
    waiting: &Arc<Waiting<Q, A, H>>,
    engine: &Arc<Engine>,
    question: impl Fn() -> (Q, H) + Send + Sync,
    travel: Travel<Q, A>,
) -> Result<A, StoreError> {
    let writing = Arc::clone(engine);
    let depart = move |trip: Arc<Trip<Q, A, H>>| {
        let arriving = Arc::clone(&trip);
        writing.write_apart(
            trip,
            move |trip, session| travel(trip.board(), session),
            move |outcome| arriving.arrive(outcome),
        );
    };
    let (asked, held) = question();
    match waiting.ask(asked, held, depart).await {
        // It may be somebody else's row that can't be stored.
        Err(StoreError::Corrupt(_)) => {
            let alone = engine.write(question(), move |(asked, _), session| travel(slice::from_ref(asked), session));
            only(alone.await?)
        }
        told => told,
    }
}

fn only<A>(answers: Vec<A>) -> Result<A, StoreError> {
    answers.into_iter().next().ok_or_else(|| corrupt("a question was not answered"))
}
