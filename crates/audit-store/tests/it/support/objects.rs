//! An archive in memory that fails at one call, before or after it has its effect, or does not answer.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use audit::ArchiveObjects;
use kernel::StoreError;

use super::Failure;

/// An archive in memory.
#[derive(Default)]
pub(crate) struct TestObjects {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    /// The number of calls until the one that fails, plus 1; 0 if none does.
    remaining: AtomicUsize,
    fails_afterwards: AtomicBool,
    is_away: AtomicBool,
    /// The bytes that were read.
    pub(crate) bytes_read: AtomicUsize,
}

impl TestObjects {
    /// Lets the call after this number of calls fail.
    pub(crate) fn fail_after(&self, calls: usize, failure: Failure) {
        self.fails_afterwards.store(failure == Failure::AfterItsEffect, Ordering::SeqCst);
        self.remaining.store(calls + 1, Ordering::SeqCst);
    }

    /// Whether the call that fails was made.
    pub(crate) fn has_failed(&self) -> bool {
        self.remaining.load(Ordering::SeqCst) == 0
    }

    /// Sets whether calls are never answered.
    pub(crate) fn set_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::SeqCst);
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.objects.lock().unwrap().keys().cloned().collect()
    }

    /// Changes an object.
    pub(crate) fn change(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        change(self.objects.lock().unwrap().get_mut(name).unwrap());
    }

    async fn call<T>(&self, call: impl FnOnce(&mut BTreeMap<String, Vec<u8>>) -> T) -> Result<T, StoreError> {
        if self.is_away.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let remaining = self.remaining.load(Ordering::SeqCst);
        self.remaining.store(remaining.saturating_sub(1), Ordering::SeqCst);
        let fails = remaining == 1;
        if fails && !self.fails_afterwards.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("the archive failed".into()));
        }
        let result = call(&mut self.objects.lock().unwrap());
        if fails { Err(StoreError::Unavailable("the archive failed".into())) } else { Ok(result) }
    }
}

#[async_trait]
impl ArchiveObjects for TestObjects {
    async fn write(&self, name: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        self.call(|objects| {
            objects.entry(name.to_owned()).or_insert(bytes);
        })
        .await
    }

    async fn read(&self, name: &str, range: Range<u64>) -> Result<Option<Vec<u8>>, StoreError> {
        let (start, end) = (usize::try_from(range.start).unwrap(), usize::try_from(range.end).unwrap());
        let part = |bytes: &Vec<u8>| bytes[start.min(bytes.len())..end.min(bytes.len())].to_vec();
        let found = self.call(|objects| objects.get(name).map(part)).await?;
        self.bytes_read.fetch_add(found.as_ref().map_or(0, Vec::len), Ordering::SeqCst);
        Ok(found)
    }

    async fn list(&self, folder: &str, limit: usize) -> Result<Vec<String>, StoreError> {
        let is_listed = |name: &&String| name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        self.call(|objects| objects.keys().filter(is_listed).take(limit).cloned().collect()).await
    }

    async fn remove(&self, name: &str) -> Result<(), StoreError> {
        self.call(|objects| drop(objects.remove(name))).await
    }
}
