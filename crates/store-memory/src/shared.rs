//! The current state, which the store shares with its tables of the audit log.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kernel::StoreError;

use crate::state::State;

/// The current state; `None` once the store is closed.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<Option<State>>>);

impl Default for Shared {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Some(State::default()))))
    }
}

impl Shared {
    /// Returns a snapshot of the current state.
    pub(crate) fn snapshot(&self) -> Result<State, StoreError> {
        self.lock().clone().ok_or_else(closed)
    }

    /// Applies a change to the state atomically: if it fails, the state stays as it was.
    pub(crate) fn change<T, E: From<StoreError>>(
        &self,
        apply: impl FnOnce(&mut State) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut current = self.lock();
        let mut next = current.clone().ok_or_else(closed)?;
        let outcome = apply(&mut next)?;
        *current = Some(next);
        Ok(outcome)
    }

    /// Applies a change atomically if it is allowed: if it returns `None`, the state stays as it was, and this returns
    /// `false`.
    pub(crate) fn change_if(&self, apply: impl FnOnce(&mut State) -> Option<()>) -> Result<bool, StoreError> {
        let mut current = self.lock();
        let mut next = current.clone().ok_or_else(closed)?;
        let is_allowed = apply(&mut next).is_some();
        if is_allowed {
            *current = Some(next);
        }
        Ok(is_allowed)
    }

    /// Drops the state: every later call fails.
    pub(crate) fn close(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<State>> {
        // The state is consistent even after a panic, because only complete changes are swapped in.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".into())
}
