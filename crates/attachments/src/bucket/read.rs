//! Reading of objects, in windows: a consumer that is slow or pauses keeps no request to the bucket open.

use std::{ops::Range, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use evidence::{ContentError, StoredContent};
use object_store::{GetOptions, GetResult, ObjectStore, ObjectStoreExt as _};

use super::{object_path, read_failure};
use crate::verified_reader::Source;

/// The number of bytes that are requested at a time, and held in memory for each reader.
const WINDOW_BYTES: u64 = 512 * 1024;

/// The memory that the connection to the bucket takes while a window is received.
const CONNECTION_BYTES: usize = 512 * 1024;

/// The memory that a reader takes besides the chunks that it has returned.
pub(super) const READER_BYTES: usize = WINDOW_BYTES as usize + CONNECTION_BYTES;

/// An object of a bucket.
pub(super) struct ObjectSource {
    objects: Arc<dyn ObjectStore>,
    content: StoredContent,
    /// The end of what is read.
    end: u64,
    /// The bytes that were requested and not returned.
    window: Bytes,
}

impl ObjectSource {
    /// Opens an object for reading a range of it, and returns its size.
    pub(super) async fn open(
        objects: &Arc<dyn ObjectStore>,
        content: &StoredContent,
        range: &Range<u64>,
    ) -> Result<(Self, u64), ContentError> {
        let mut source =
            Self { objects: Arc::clone(objects), content: content.clone(), end: range.end, window: Bytes::new() };
        if range.is_empty() {
            let meta = objects.head(&object_path(&content.key.into())).await;
            return Ok((source, meta.map_err(|error| read_failure(content.key, error))?.size));
        }
        let size = match source.fill(range.start).await {
            Ok(size) => size,
            // The bucket refuses a range that begins behind the end of an object which was truncated.
            Err(error @ ContentError::Unavailable(_)) => {
                let meta = objects.head(&object_path(&content.key.into())).await;
                let size = meta.map_err(|error| read_failure(content.key, error))?.size;
                if size > range.start {
                    return Err(error);
                }
                size
            }
            Err(error) => return Err(error),
        };
        Ok((source, size))
    }

    /// Requests the window that begins at `start`. Returns the size of the object.
    async fn fill(&mut self, start: u64) -> Result<u64, ContentError> {
        let key = self.content.key;
        // The empty rest of a window still holds all of it.
        self.window = Bytes::new();
        let window = start..self.end.min(start + WINDOW_BYTES);
        let options = GetOptions::new().with_range(Some(window));
        let result: GetResult = self
            .objects
            .get_opts(&object_path(&key.into()), options)
            .await
            .map_err(|error| read_failure(key, error))?;
        let size = result.meta.size;
        self.window = result.bytes().await.map_err(|error| read_failure(key, error))?;
        Ok(size)
    }
}

#[async_trait]
impl Source for ObjectSource {
    async fn read(&mut self, range: Range<u64>) -> Result<Bytes, ContentError> {
        if self.window.is_empty() {
            self.fill(range.start).await?;
        }
        // Windows are a multiple of the chunks, so that a chunk that is cut short is the end of an altered object.
        let length = usize::try_from(range.end - range.start).unwrap_or_default().min(self.window.len());
        // A part of the window would hold all of it until the client has taken the part, while the next one is received.
        Ok(Bytes::copy_from_slice(&self.window.split_to(length)))
    }
}
