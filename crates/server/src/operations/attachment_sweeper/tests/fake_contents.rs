//! A store of attachments without bytes, which fails where a test wants it to.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use evidence::{ContentError, ContentReader, ContentStore, ContentUpload, ListedObject, ObjectName, StoredContent};
use kernel::{OrganizationId, Timestamp, Ulid};

/// The names of objects with the times of their last change, those that can't be removed, and a countdown to a call that
/// fails.
#[derive(Default)]
pub(super) struct FakeContents {
    objects: Mutex<BTreeMap<String, Timestamp>>,
    protected: Mutex<BTreeSet<String>>,
    refused_removals: AtomicUsize,
    calls_until_failure: AtomicUsize,
}

impl FakeContents {
    pub(super) fn put(&self, name: ObjectName, at: Timestamp) {
        self.objects.lock().unwrap().insert(name.to_string(), at);
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.objects.lock().unwrap().contains_key(key)
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.objects.lock().unwrap().keys().cloned().collect()
    }

    /// Lets the call after `calls` others fail; 0 lets none fail.
    pub(super) fn fail_after(&self, calls: usize) {
        self.calls_until_failure.store(calls, Ordering::SeqCst);
    }

    /// Lets removals of this object fail.
    pub(super) fn protect(&self, name: ObjectName) {
        self.protected.lock().unwrap().insert(name.to_string());
    }

    /// Lets every object be removed.
    pub(super) fn unprotect(&self) {
        self.protected.lock().unwrap().clear();
    }

    /// The number of removals that were refused.
    pub(super) fn refused_removals(&self) -> usize {
        self.refused_removals.load(Ordering::SeqCst)
    }

    fn call(&self) -> Result<(), ContentError> {
        let countdown = |calls: usize| calls.checked_sub(1);
        match self.calls_until_failure.fetch_update(Ordering::SeqCst, Ordering::SeqCst, countdown) {
            Ok(1) => Err(ContentError::Unavailable("the test wants it so".into())),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl ContentStore for FakeContents {
    async fn begin_upload(&self, _: OrganizationId, _: Ulid) -> Result<Box<dyn ContentUpload>, ContentError> {
        unreachable!("the sweeper uploads nothing")
    }

    async fn read(&self, _: &StoredContent, _: Range<u64>) -> Result<Box<dyn ContentReader>, ContentError> {
        unreachable!("the sweeper reads nothing")
    }

    fn reader_bytes(&self) -> usize {
        unreachable!("the sweeper reads nothing")
    }

    async fn remove(&self, name: &ObjectName) -> Result<(), ContentError> {
        self.call()?;
        if self.protected.lock().unwrap().contains(&name.to_string()) {
            self.refused_removals.fetch_add(1, Ordering::SeqCst);
            return Err(ContentError::Unavailable("the object is locked".into()));
        }
        self.objects.lock().unwrap().remove(&name.to_string());
        Ok(())
    }

    async fn list(&self, after: Option<&ObjectName>, limit: usize) -> Result<Vec<ListedObject>, ContentError> {
        self.call()?;
        let after = after.map(ToString::to_string).unwrap_or_default();
        let objects = self.objects.lock().unwrap();
        let listed = objects.iter().filter(|(name, _)| **name > after).take(limit);
        Ok(listed.map(|(name, at)| ListedObject { name: name.parse().unwrap(), size: 3, modified_at: *at }).collect())
    }

    async fn probe(&self) -> Result<(), ContentError> {
        Ok(())
    }
}
