//! The effects of probes on a bucket.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use evidence::{ContentError, ContentStore as _};
use futures_util::stream::BoxStream;
use novantra_attachments::{BucketStore, Spool};
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, memory::InMemory, path::Path,
};

/// A bucket in memory whose reads and writes are counted, and which refuses writes if it is read-only.
#[derive(Debug, Default)]
struct CountingBucket {
    objects: InMemory,
    is_read_only: AtomicBool,
    reads: AtomicUsize,
    begun: AtomicUsize,
    stored_or_removed: AtomicUsize,
}

impl fmt::Display for CountingBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a counting bucket")
    }
}

#[async_trait]
impl ObjectStore for CountingBucket {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.stored_or_removed.fetch_add(1, Ordering::Relaxed);
        self.objects.put_opts(path, payload, options).await
    }

    async fn put_multipart_opts(&self, path: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        if self.is_read_only.load(Ordering::Relaxed) {
            return Err(Error::PermissionDenied { path: path.to_string(), source: "read-only".into() });
        }
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.objects.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.objects.get_opts(path, options).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.stored_or_removed.fetch_add(1, Ordering::Relaxed);
        self.objects.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.objects.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.objects.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.objects.copy_opts(from, to, options).await
    }
}

#[tokio::test(start_paused = true)]
async fn probes_read_a_bucket_begin_an_upload_every_ten_minutes_and_store_nothing() {
    let bucket = Arc::new(CountingBucket::default());
    let store = BucketStore::new(Arc::clone(&bucket) as _, Spool::Memory);
    store.claim("an installation").await.unwrap();
    bucket.stored_or_removed.store(0, Ordering::Relaxed);
    bucket.reads.store(0, Ordering::Relaxed);
    for _ in 0..120 {
        store.probe().await.unwrap();
        tokio::time::advance(Duration::from_secs(10)).await;
    }
    let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    assert_eq!((count(&bucket.reads), count(&bucket.begun), count(&bucket.stored_or_removed)), (120, 2, 0));
    bucket.is_read_only.store(true, Ordering::Relaxed);
    for _ in 0..2 {
        assert!(
            matches!(store.probe().await, Err(ContentError::Unavailable(_))),
            "each probe tries until one succeeds"
        );
    }
    bucket.is_read_only.store(false, Ordering::Relaxed);
    store.probe().await.unwrap();
}
