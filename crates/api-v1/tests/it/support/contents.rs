//! A store of attachments in memory, in which tests provoke faults.

use std::{
    collections::HashSet,
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use attachments::BucketStore;
use bytes::Bytes;
use evidence::{
    ContentError, ContentHash, ContentReader, ContentStore, ContentUpload, FinishedUpload, ListedObject, ObjectName,
    StoredContent,
};
use kernel::{OrganizationId, Ulid};

/// A fault of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentFault {
    /// Nothing works.
    Unavailable,
    /// Writes fail.
    Full,
    /// An object is stored, but the store does not answer.
    LostAnswer,
    /// Reads return other bytes than those that were stored.
    Altered,
}

/// A store in memory.
pub(crate) struct FaultyContents {
    store: BucketStore,
    fault: Arc<Mutex<Option<ContentFault>>>,
    /// The objects that have other bytes than those that were stored.
    altered: Mutex<HashSet<ObjectName>>,
    read_bytes: Arc<AtomicU64>,
}

impl Default for FaultyContents {
    fn default() -> Self {
        Self {
            store: BucketStore::in_memory(),
            fault: Arc::default(),
            altered: Mutex::default(),
            read_bytes: Arc::default(),
        }
    }
}

impl FaultyContents {
    /// Sets the fault that the store has from now on.
    pub(crate) fn set_fault(&self, fault: impl Into<Option<ContentFault>>) {
        *self.fault.lock().unwrap() = fault.into();
    }

    /// Stores bytes as an object.
    pub(crate) async fn store(&self, organization: OrganizationId, id: Ulid, bytes: &'static [u8]) -> StoredContent {
        let mut upload = self.store.begin_upload(organization, id).await.unwrap();
        upload.write(Bytes::from_static(bytes)).await.unwrap();
        upload.finish().await.unwrap().store(id).await.unwrap()
    }

    /// The names of all objects.
    pub(crate) async fn names(&self) -> Vec<ObjectName> {
        self.store.list(None, 1000).await.unwrap().into_iter().map(|object| object.name).collect()
    }

    /// Removes all objects, as an operator might by mistake.
    pub(crate) async fn remove_all(&self) {
        for name in self.names().await {
            self.store.remove(&name).await.unwrap();
        }
    }

    /// Alters the bytes of all objects, but not their sizes.
    pub(crate) async fn alter_all(&self) {
        let names = self.names().await;
        self.altered.lock().unwrap().extend(names);
    }

    /// The number of bytes that were read since this was called last.
    pub(crate) fn take_read_bytes(&self) -> u64 {
        self.read_bytes.swap(0, Ordering::Relaxed)
    }

    fn check(&self) -> Result<(), ContentError> {
        match *self.fault.lock().unwrap() {
            Some(ContentFault::Unavailable) => Err(ContentError::Unavailable("a test made the store fail".into())),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl ContentStore for FaultyContents {
    async fn begin_upload(
        &self,
        organization: OrganizationId,
        upload: Ulid,
    ) -> Result<Box<dyn ContentUpload>, ContentError> {
        self.check()?;
        let upload = self.store.begin_upload(organization, upload).await?;
        Ok(Box::new(FaultyUpload { upload, fault: Arc::clone(&self.fault) }))
    }

    async fn read(&self, content: &StoredContent, range: Range<u64>) -> Result<Box<dyn ContentReader>, ContentError> {
        self.check()?;
        let reader = self.store.read(content, range).await?;
        let is_altered = *self.fault.lock().unwrap() == Some(ContentFault::Altered)
            || self.altered.lock().unwrap().contains(&content.key.into());
        let reader: Box<dyn ContentReader> =
            if is_altered { Box::new(AlteredReader(reader, content.clone())) } else { reader };
        Ok(Box::new(CountedReader(reader, Arc::clone(&self.read_bytes))))
    }

    fn reader_bytes(&self) -> usize {
        self.store.reader_bytes()
    }

    async fn remove(&self, name: &ObjectName) -> Result<(), ContentError> {
        self.check()?;
        self.store.remove(name).await
    }

    async fn list(&self, after: Option<&ObjectName>, limit: usize) -> Result<Vec<ListedObject>, ContentError> {
        self.check()?;
        self.store.list(after, limit).await
    }

    async fn probe(&self) -> Result<(), ContentError> {
        self.check()?;
        self.store.probe().await
    }
}

struct FaultyUpload {
    upload: Box<dyn ContentUpload>,
    fault: Arc<Mutex<Option<ContentFault>>>,
}

#[async_trait]
impl ContentUpload for FaultyUpload {
    async fn write(&mut self, chunk: Bytes) -> Result<(), ContentError> {
        if *self.fault.lock().unwrap() == Some(ContentFault::Full) {
            return Err(ContentError::Full("a test filled the disk".into()));
        }
        self.upload.write(chunk).await
    }

    async fn finish(self: Box<Self>) -> Result<Box<dyn FinishedUpload>, ContentError> {
        Ok(Box::new(FaultyFinished { finished: self.upload.finish().await?, fault: self.fault }))
    }
}

struct FaultyFinished {
    finished: Box<dyn FinishedUpload>,
    fault: Arc<Mutex<Option<ContentFault>>>,
}

#[async_trait]
impl FinishedUpload for FaultyFinished {
    fn hash(&self) -> ContentHash {
        self.finished.hash()
    }

    fn size(&self) -> u64 {
        self.finished.size()
    }

    async fn store(self: Box<Self>, generation: Ulid) -> Result<StoredContent, ContentError> {
        let stored = self.finished.store(generation).await?;
        match *self.fault.lock().unwrap() {
            Some(ContentFault::LostAnswer) => Err(ContentError::Unavailable("a test lost the answer".into())),
            _ => Ok(stored),
        }
    }

    async fn discard(self: Box<Self>) {
        self.finished.discard().await;
    }
}

/// A reader whose bytes are counted.
struct CountedReader(Box<dyn ContentReader>, Arc<AtomicU64>);

#[async_trait]
impl ContentReader for CountedReader {
    async fn next(&mut self) -> Result<Option<Bytes>, ContentError> {
        let bytes = self.0.next().await?;
        self.1.fetch_add(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64), Ordering::Relaxed);
        Ok(bytes)
    }
}

/// A reader that finds other bytes than those that were stored, which it notices at their end.
struct AlteredReader(Box<dyn ContentReader>, StoredContent);

#[async_trait]
impl ContentReader for AlteredReader {
    async fn next(&mut self) -> Result<Option<Bytes>, ContentError> {
        let Some(bytes) = self.0.next().await? else { return Err(ContentError::Altered(self.1.key)) };
        Ok(Some(bytes.slice(..bytes.len().saturating_sub(1))))
    }
}
