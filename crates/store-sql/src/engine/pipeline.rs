//! Pipelines: steps that are all started before the first is answered, and whose results are evaluated in order.

use std::{future::poll_fn, task::Poll};

use futures_util::future::{BoxFuture, join};

/// One step of a pipeline.
pub(crate) type Step<'s, E> = BoxFuture<'s, Result<(), E>>;

/// Starts all steps, then waits for all of them, and returns the first failure in their order. On PostgreSQL the
/// statements of all steps are sent, in order, before the first is answered. On SQLite, where nothing waits, a step
/// after a failed one is not started at all.
pub(crate) async fn pipeline<E>(mut steps: Vec<Step<'_, E>>) -> Result<(), E> {
    let mut failed = None;
    poll_fn(|context| {
        // All steps are polled, not only the first pending one: a step that holds the send lock may come after one that
        // waits for it.
        let mut index = 0;
        while let Some(step) = steps.get_mut(index) {
            match step.as_mut().poll(context) {
                Poll::Pending => index += 1,
                Poll::Ready(Ok(())) => drop(steps.remove(index)),
                Poll::Ready(Err(error)) => {
                    failed = Some(error);
                    steps.truncate(index);
                }
            }
        }
        if steps.is_empty() { Poll::Ready(failed.take().map_or(Ok(()), Err)) } else { Poll::Pending }
    })
    .await
}

/// Runs two steps as a pipeline, started in this order, and returns both results.
pub(crate) async fn pipeline2<A, B, E>(
    first: impl Future<Output = Result<A, E>>,
    second: impl Future<Output = Result<B, E>>,
) -> Result<(A, B), E> {
    let (first, second) = join(first, second).await;
    Ok((first?, second?))
}

/// Polls a future once.
pub(super) async fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_fn(|context| Poll::Ready(std::pin::Pin::new(&mut *future).poll(context))).await
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::FutureExt as _;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn all_steps_are_started_before_the_first_is_answered() {
        let (answer, answered) = oneshot::channel::<()>();
        let steps: Vec<Step<'_, u8>> = vec![
            async move { answered.await.map_err(|_| 1) }.boxed(),
            async move { answer.send(()).map_err(|()| 2) }.boxed(),
        ];
        assert_eq!(pipeline(steps).await, Ok(()));
    }

    #[tokio::test]
    async fn the_first_failure_in_order_is_returned_even_if_a_later_step_failed_sooner() {
        let slow = async {
            tokio::task::yield_now().await;
            Err(1)
        };
        assert_eq!(pipeline(vec![slow.boxed(), async { Err(2) }.boxed()]).await, Err(1));
    }

    #[tokio::test]
    async fn a_step_that_is_next_in_line_for_a_lock_is_polled_while_an_earlier_step_waits_for_it() {
        let turn = tokio::sync::Mutex::new(());
        let twice = async {
            for _ in 0..2 {
                let _turn = turn.lock().await;
                tokio::task::yield_now().await;
            }
            Ok::<(), u8>(())
        };
        let once = async {
            drop(turn.lock().await);
            Ok(())
        };
        assert_eq!(pipeline(vec![twice.boxed(), once.boxed()]).await, Ok(()));
    }

    #[test]
    fn a_step_after_a_failed_one_is_not_started_if_no_step_waits() {
        let begun = Mutex::new(Vec::new());
        let step = |number: u8, outcome: Result<(), u8>| {
            let begun = &begun;
            async move {
                begun.lock().unwrap().push(number);
                outcome
            }
            .boxed()
        };
        let outcome = pipeline(vec![step(1, Ok(())), step(2, Err(2)), step(3, Err(3))]).now_or_never();
        assert_eq!(outcome, Some(Err(2)));
        assert_eq!(*begun.lock().unwrap(), [1, 2]);
    }

    #[tokio::test]
    async fn a_pipeline_of_two_steps_returns_the_failure_of_the_first() {
        let slow = async {
            tokio::task::yield_now().await;
            Err::<(), u8>(1)
        };
        assert_eq!(pipeline2(slow, async { Err::<(), u8>(2) }).await, Err(1));
        assert_eq!(pipeline2(async { Ok::<u8, u8>(1) }, async { Ok::<u8, u8>(2) }).await, Ok((1, 2)));
    }
}
