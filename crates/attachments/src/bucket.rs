//! Attachments in a bucket of S3, Google Cloud Storage or Azure, or in the memory of the process.
//!
//! An upload is spooled: to a file without a name on the disk of this machine, which disappears with the process, or in
//! memory. Its hash is known before the first byte is sent to the bucket, so an object has its final key at once, a content
//! that is stored already is not sent again, and a slow client occupies neither memory nor a connection to the bucket.

mod client;
mod read;
mod spool;

use std::{
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use evidence::{
    ContentError, ContentKey, ContentReader, ContentStore, ContentUpload, ListedObject, ObjectName, StoredContent,
};
use futures_util::TryStreamExt as _;
use kernel::{OrganizationId, Timestamp, Ulid};
use object_store::{GetOptions, ObjectStore, ObjectStoreExt as _, PutMode, PutPayload, path::Path};
use tokio::{sync::Semaphore, time::Instant};

use crate::{CHUNK_BYTES, MAX_OWNER_BYTES, OWNER, location::BucketUrl, verified_reader::VerifiedReader};
pub(crate) use client::open;
pub use client::{BucketOptions, InvalidBucketOptions};
use read::{ObjectSource, READER_BYTES};
pub use spool::Spool;
use spool::SpooledUpload;

/// The size of the parts in which larger objects are sent.
const PART_BYTES: u64 = 8 * 1024 * 1024;

/// The maximum number of parts that are in memory and being sent at the same time, over all uploads.
const MAX_PARTS: usize = 4;

/// The name of the object that [`ContentStore::probe`] begins to send.
const PROBE: &str = "novantra-probe";

/// The time for which a bucket that could be written to is only read by probes.
const WRITE_PROBE_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// Stores attachments in a bucket.
pub struct BucketStore {
    bucket: Arc<Bucket>,
    /// The time of the last probe that could write.
    written_at: Mutex<Option<Instant>>,
}

/// The bucket, with what limits its use.
struct Bucket {
    objects: Arc<dyn ObjectStore>,
    spool: Spool,
    parts: Semaphore,
}

impl BucketStore {
    /// Creates a store over a bucket. `spool` receives uploads until they are complete.
    #[must_use]
    pub fn new(objects: Arc<dyn ObjectStore>, spool: Spool) -> Self {
        let bucket = Arc::new(Bucket { objects, spool, parts: Semaphore::new(MAX_PARTS) });
        Self { bucket, written_at: Mutex::default() }
    }

    /// Creates a store over the bucket with this URL. No connection is made.
    ///
    /// # Errors
    /// If the options, or the environment variables of the service, are not valid.
    pub fn open(url: &BucketUrl, options: &BucketOptions, spool: Spool) -> Result<Self, InvalidBucketOptions> {
        Ok(Self::new(client::open(url, options)?, spool))
    }

    /// Creates a store in the memory of this process.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::new(Arc::new(object_store::memory::InMemory::new()), Spool::Memory)
    }

    /// Marks the store as that of an installation, unless it is marked already. Returns the installation that it belongs
    /// to.
    ///
    /// # Errors
    /// [`ContentError`] if the bucket can't be used.
    pub async fn claim(&self, installation: &str) -> Result<String, ContentError> {
        let path = Path::from(OWNER);
        if let Some(owner) = self.owner(&path).await? {
            return Ok(owner);
        }
        let (objects, payload) = (self.objects(), PutPayload::from(installation.to_owned()));
        match objects.put_opts(&path, payload.clone(), PutMode::Create.into()).await {
            // Another server was faster.
            Err(object_store::Error::AlreadyExists { .. }) => {}
            // Not every server knows conditions.
            Err(object_store::Error::NotImplemented { .. } | object_store::Error::NotSupported { .. }) => {
                objects.put(&path, payload).await.map_err(unavailable)?;
            }
            created => {
                created.map_err(unavailable)?;
            }
        }
        Ok(self.owner(&path).await?.unwrap_or_default())
    }

    fn objects(&self) -> &Arc<dyn ObjectStore> {
        &self.bucket.objects
    }

    /// Checks that the bucket can be written to. An object that is begun and not completed leaves no version of it behind
    /// in a bucket that keeps them.
    async fn probe_write(&self) -> Result<(), ContentError> {
        let mut upload = self.objects().put_multipart(&Path::from(PROBE)).await.map_err(unavailable)?;
        let sent = upload.put_part(PROBE.into()).await;
        // What remains because this fails is removed by the rule of the bucket about incomplete uploads.
        let _ = upload.abort().await;
        sent.map_err(unavailable)
    }

    async fn owner(&self, path: &Path) -> Result<Option<String>, ContentError> {
        let options = GetOptions::new().with_range(Some(0..MAX_OWNER_BYTES));
        match self.objects().get_opts(path, options).await {
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            found => {
                let bytes = found.map_err(unavailable)?.bytes().await.map_err(unavailable)?;
                Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
            }
        }
    }
}

#[async_trait]
impl ContentStore for BucketStore {
    async fn begin_upload(
        &self,
        organization: OrganizationId,
        _upload: Ulid,
    ) -> Result<Box<dyn ContentUpload>, ContentError> {
        Ok(Box::new(SpooledUpload::begin(&self.bucket, organization).await?))
    }

    async fn read(&self, content: &StoredContent, range: Range<u64>) -> Result<Box<dyn ContentReader>, ContentError> {
        let (source, size) = ObjectSource::open(self.objects(), content, &range).await?;
        Ok(Box::new(VerifiedReader::new(source, content.clone(), range, size)?))
    }

    fn reader_bytes(&self) -> usize {
        READER_BYTES + 2 * CHUNK_BYTES as usize
    }

    async fn remove(&self, name: &ObjectName) -> Result<(), ContentError> {
        removed(self.objects().delete(&object_path(name)).await)
    }

    async fn list(&self, after: Option<&ObjectName>, limit: usize) -> Result<Vec<ListedObject>, ContentError> {
        let mut found = match after {
            Some(after) => self.objects().list_with_offset(None, &object_path(after)),
            None => self.objects().list(None),
        };
        let mut objects = Vec::new();
        while objects.len() < limit
            && let Some(meta) = found.try_next().await.map_err(unavailable)?
        {
            if let Ok(name) = meta.location.as_ref().parse() {
                let modified_at = Timestamp::from_millis(meta.last_modified.timestamp_millis());
                objects.push(ListedObject { name, size: meta.size, modified_at });
            }
        }
        Ok(objects)
    }

    async fn probe(&self) -> Result<(), ContentError> {
        match self.objects().head(&Path::from(OWNER)).await {
            // A bucket that no server has used yet.
            Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(unavailable(error)),
        }
        let last = *self.written_at.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|at| at.elapsed() >= WRITE_PROBE_INTERVAL) {
            self.probe_write().await?;
            *self.written_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
        Ok(())
    }
}

fn object_path(name: &ObjectName) -> Path {
    Path::from(name.to_string())
}

/// The result of a removal: an object that does not exist is removed.
fn removed(result: Result<(), object_store::Error>) -> Result<(), ContentError> {
    match result {
        Err(object_store::Error::NotFound { .. }) => Ok(()),
        result => result.map_err(unavailable),
    }
}

fn unavailable(error: object_store::Error) -> ContentError {
    ContentError::Unavailable(error.into())
}

fn read_failure(key: ContentKey, error: object_store::Error) -> ContentError {
    match error {
        object_store::Error::NotFound { .. } => ContentError::Missing(key),
        error => unavailable(error),
    }
}
