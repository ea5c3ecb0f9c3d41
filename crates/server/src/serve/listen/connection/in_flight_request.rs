//! A request that runs where its connection is polled, so that it changes neither its task nor, for that reason, its
//! thread. If the connection ends first, the request goes on in a task of its own, so that it is audited.

use std::{
    convert::Infallible,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tokio::runtime::Handle;

/// A request until it is answered.
pub(super) struct InFlightRequest<F: Future + Send + 'static>
where
    F::Output: Send,
{
    request: Option<Pin<Box<F>>>,
}

impl<F: Future<Output = Result<Response, Infallible>> + Send + 'static> InFlightRequest<F> {
    pub(super) fn new(request: F) -> Self {
        Self { request: Some(Box::pin(request)) }
    }
}

impl<F: Future<Output = Result<Response, Infallible>> + Send + 'static> Future for InFlightRequest<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(request) = &mut self.request else { return Poll::Pending };
        // A panic must not take the other requests of the connection with it.
        let polled = catch_unwind(AssertUnwindSafe(|| request.as_mut().poll(context))).unwrap_or_else(|_| {
            tracing::error!("a request panicked");
            Poll::Ready(Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response()))
        });
        if polled.is_ready() {
            self.request = None;
        }
        polled
    }
}

impl<F: Future + Send + 'static> Drop for InFlightRequest<F>
where
    F::Output: Send,
{
    fn drop(&mut self) {
        if let Some(request) = self.request.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(request);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_request_that_is_dropped_before_it_is_answered_goes_on() {
        for is_begun in [false, true] {
            let ((proceed, proceeding), (finish, finished)) = (oneshot::channel::<()>(), oneshot::channel::<()>());
            let mut request = InFlightRequest::new(async move {
                proceeding.await.unwrap();
                finish.send(()).unwrap();
                Ok(Response::default())
            });
            if is_begun {
                assert!(futures_util::poll!(&mut request).is_pending());
            }
            drop(request);
            proceed.send(()).unwrap();
            finished.await.expect("the request is completed");
        }
    }

    #[tokio::test]
    async fn a_request_that_panics_is_answered_with_500_and_not_polled_again() {
        let mut request = InFlightRequest::new(async { panic!("on purpose") });
        let response = (&mut request).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(futures_util::poll!(&mut request).is_pending());
    }
}
