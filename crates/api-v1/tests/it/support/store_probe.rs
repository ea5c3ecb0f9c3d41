//! A probe in the store that records what is committed and fails calls where a test injects a fault.

use std::{
    collections::HashMap,
    mem,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use kernel::{Changeset, OutboxEvent, StoreError};
use store_memory::{Call, Interceptor};

/// The kind of failure.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    Unavailable,
    Corrupt,
    Panic,
}

type Hook = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

/// The hooks and faults that are injected into the calls of the store, and a record of what was committed.
#[derive(Default)]
pub(crate) struct StoreProbe {
    hooks: Mutex<HashMap<Call, Hook>>,
    faults: Mutex<HashMap<Call, Fault>>,
    next_faults: Mutex<HashMap<Call, Fault>>,
    events: Mutex<Vec<OutboxEvent>>,
    counts: Mutex<HashMap<Call, u64>>,
    write_count: AtomicU64,
}

impl StoreProbe {
    /// Takes the events that were committed since the last call.
    pub(crate) fn take_events(&self) -> Vec<OutboxEvent> {
        mem::take(&mut self.events.lock().unwrap())
    }

    /// Takes the number of records that were committed since the last call.
    pub(crate) fn take_write_count(&self) -> u64 {
        self.write_count.swap(0, Ordering::SeqCst)
    }

    /// Runs the hook once, before the next call of this kind.
    pub(crate) fn before_next(&self, call: Call, hook: impl FnOnce() -> BoxFuture<'static, ()> + Send + 'static) {
        self.hooks.lock().unwrap().insert(call, Box::new(hook));
    }

    /// Makes every call of this kind fail, until [`Self::clear_faults`].
    pub(crate) fn fail(&self, call: Call, fault: Fault) {
        self.faults.lock().unwrap().insert(call, fault);
    }

    /// Makes the next call of this kind fail.
    pub(crate) fn fail_next(&self, call: Call, fault: Fault) {
        self.next_faults.lock().unwrap().insert(call, fault);
    }

    /// Removes all injected faults.
    pub(crate) fn clear_faults(&self) {
        self.faults.lock().unwrap().clear();
    }

    /// The number of reads so far.
    pub(crate) fn read_count(&self) -> u64 {
        self.count(Call::Read)
    }

    /// The number of calls of this kind so far.
    pub(crate) fn count(&self, call: Call) -> u64 {
        self.counts.lock().unwrap().get(&call).copied().unwrap_or_default()
    }
}

#[async_trait]
impl Interceptor for StoreProbe {
    async fn before(&self, call: Call) -> Result<(), StoreError> {
        *self.counts.lock().unwrap().entry(call).or_default() += 1;
        // Lets concurrent calls overtake each other.
        tokio::task::yield_now().await;
        let hook = self.hooks.lock().unwrap().remove(&call);
        if let Some(hook) = hook {
            hook().await;
        }
        let next_fault = self.next_faults.lock().unwrap().remove(&call);
        let fault = next_fault.or_else(|| self.faults.lock().unwrap().get(&call).copied());
        match fault {
            None => Ok(()),
            Some(Fault::Unavailable) => Err(StoreError::Unavailable("SELECT secret FROM /var/lib".into())),
            Some(Fault::Corrupt) => Err(StoreError::Corrupt("SELECT secret FROM /var/lib".into())),
            Some(Fault::Panic) => panic!("SELECT secret FROM /var/lib"),
        }
    }

    fn committed(&self, changeset: &Changeset) {
        self.events.lock().unwrap().extend(changeset.events().to_vec());
        self.write_count.fetch_add(u64::try_from(changeset.writes().len()).unwrap(), Ordering::SeqCst);
    }
}
