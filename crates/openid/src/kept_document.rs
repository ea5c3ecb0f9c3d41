//! A document of the provider that is kept for a while, so that sign-ins don't wait for it, and go on while the provider
//! is away for a moment.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Mutex, time::Instant};

use crate::requests::ProviderProblem;

/// The time after which a document is read again.
const FRESH: Duration = Duration::from_secs(60 * 60);
/// The time for which a document is used although it can't be read again.
const USABLE: Duration = Duration::from_secs(24 * 60 * 60);
/// The time after a failure in which nothing is tried.
const BACK_OFF: Duration = Duration::from_secs(10);
/// The minimum time between two readings for a key that is not in the document.
const REFRESH_INTERVAL: Duration = Duration::from_secs(60);

/// A document, read when it is needed. Requests that need it at the same time share one reading.
pub(crate) struct KeptDocument<T>(Mutex<State<T>>);

struct State<T> {
    kept: Option<(Arc<T>, Instant)>,
    /// The time of the last attempt to read it, and whether it failed.
    tried: Option<(Instant, bool)>,
}

impl<T> Default for KeptDocument<T> {
    fn default() -> Self {
        Self(Mutex::new(State { kept: None, tried: None }))
    }
}

impl<T> KeptDocument<T> {
    /// Returns the document.
    ///
    /// # Errors
    /// If it can't be read, and there is none that may still be used.
    pub(crate) async fn get(
        &self,
        read: impl AsyncFnOnce() -> Result<T, ProviderProblem>,
    ) -> Result<Arc<T>, ProviderProblem> {
        let mut state = self.0.lock().await;
        let now = Instant::now();
        if let Some((document, at)) = &state.kept
            && now < *at + FRESH
        {
            return Ok(Arc::clone(document));
        }
        if let Some((at, true)) = state.tried
            && now < at + BACK_OFF
        {
            return state.usable(now).ok_or(ProviderProblem::FailedBefore);
        }
        match state.read(read).await {
            Ok(document) => Ok(document),
            Err(problem) => match state.usable(now) {
                Some(document) => {
                    tracing::warn!(%problem, "the kept document of the OpenID Connect provider is used further");
                    Ok(document)
                }
                None => Err(problem),
            },
        }
    }

    /// Returns the document, read again because it lacks something; `None` if it was read a moment ago.
    ///
    /// # Errors
    /// If it can't be read.
    pub(crate) async fn get_newer(
        &self,
        read: impl AsyncFnOnce() -> Result<T, ProviderProblem>,
    ) -> Result<Option<Arc<T>>, ProviderProblem> {
        let mut state = self.0.lock().await;
        if state.tried.is_some_and(|(at, _)| Instant::now() < at + REFRESH_INTERVAL) {
            return Ok(None);
        }
        state.read(read).await.map(Some)
    }
}

impl<T> State<T> {
    async fn read(
        &mut self,
        read: impl AsyncFnOnce() -> Result<T, ProviderProblem>,
    ) -> Result<Arc<T>, ProviderProblem> {
        let outcome = read().await;
        let now = Instant::now();
        self.tried = Some((now, outcome.is_err()));
        let document = Arc::new(outcome?);
        self.kept = Some((Arc::clone(&document), now));
        Ok(document)
    }

    fn usable(&self, now: Instant) -> Option<Arc<T>> {
        self.kept.as_ref().filter(|(_, at)| now < *at + USABLE).map(|(document, _)| Arc::clone(document))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_document_is_read_once_an_hour_and_used_for_a_day_while_it_cannot_be_read() {
        let (document, reads) = (KeptDocument::default(), Cell::new(0));
        let get = async |succeeds: bool| {
            let read = async || {
                reads.set(reads.get() + 1);
                if succeeds { Ok(reads.get()) } else { Err(ProviderProblem::Malformed("away".into())) }
            };
            document.get(read).await.map(|document| *document)
        };
        assert!(get(false).await.is_err());
        assert!(matches!(get(true).await, Err(ProviderProblem::FailedBefore)), "a failure is not repeated at once");
        advance(BACK_OFF).await;
        assert_eq!((get(true).await.unwrap(), get(true).await.unwrap()), (2, 2));
        advance(FRESH).await;
        assert_eq!((get(false).await.unwrap(), reads.get()), (2, 3), "the old document is used further");
        assert_eq!((get(true).await.unwrap(), reads.get()), (2, 3), "and the provider has some rest");
        advance(USABLE - FRESH).await;
        assert!(get(false).await.is_err());
        advance(BACK_OFF).await;
        assert_eq!(get(true).await.unwrap(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_document_lacks_is_looked_for_once_a_minute() {
        let (document, reads) = (KeptDocument::default(), Cell::new(0));
        let read = async || {
            reads.set(reads.get() + 1);
            Ok::<_, ProviderProblem>(reads.get())
        };
        document.get(read).await.unwrap();
        assert!(document.get_newer(read).await.unwrap().is_none(), "it was read a moment ago");
        advance(REFRESH_INTERVAL).await;
        assert_eq!(document.get_newer(read).await.unwrap().as_deref(), Some(&2));
        for _ in 0..100 {
            assert!(document.get_newer(read).await.unwrap().is_none());
        }
        assert_eq!((reads.get(), *document.get(read).await.unwrap()), (2, 2));
    }
}
