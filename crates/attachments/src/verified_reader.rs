//! A reader that verifies what it returns.

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use evidence::{ContentError, ContentReader, StoredContent};
use sha2::{Digest as _, Sha256};

use crate::CHUNK_BYTES;

/// Reads parts of one object.
#[async_trait]
pub(crate) trait Source: Send {
    /// Reads this range, which has at most [`CHUNK_BYTES`], is within the object, and follows the one before.
    async fn read(&mut self, range: Range<u64>) -> Result<Bytes, ContentError>;
}

/// Reads a range of a content. If the range is the whole content, its hash is verified before the last bytes are
/// returned.
pub(crate) struct VerifiedReader<S> {
    source: S,
    content: StoredContent,
    /// The bytes that remain to be read.
    remaining: Range<u64>,
    /// The hash of the bytes read so far, if the whole content is read and the end is not reached.
    hasher: Option<Sha256>,
}

impl<S: Source> VerifiedReader<S> {
    /// Creates a reader of an object that has `size` bytes.
    ///
    /// # Errors
    /// [`ContentError::Altered`] if that is not the size of the content.
    pub(crate) fn new(source: S, content: StoredContent, range: Range<u64>, size: u64) -> Result<Self, ContentError> {
        if size != content.size {
            return Err(ContentError::Altered(content.key));
        }
        let range = range.start.min(size)..range.end.min(size);
        let hasher = (range == (0..size)).then(Sha256::new);
        Ok(Self { source, content, remaining: range, hasher })
    }

    /// Reads the next chunk and verifies it.
    async fn chunk(&mut self) -> Result<Option<Bytes>, ContentError> {
        let Range { start, end } = self.remaining;
        let altered = || ContentError::Altered(self.content.key);
        let mut chunk = None;
        if start < end {
            let range = start..end.min(start + CHUNK_BYTES);
            let bytes = self.source.read(range.clone()).await?;
            if bytes.len() as u64 != range.end - range.start {
                return Err(altered());
            }
            if let Some(hasher) = &mut self.hasher {
                hasher.update(&bytes);
            }
            self.remaining.start = range.end;
            chunk = Some(bytes);
        }
        if self.remaining.start >= end
            && let Some(hasher) = self.hasher.take()
            && <[u8; 32]>::from(hasher.finalize()) != self.content.key.hash.0
        {
            return Err(altered());
        }
        Ok(chunk)
    }
}

#[async_trait]
impl<S: Source> ContentReader for VerifiedReader<S> {
    async fn next(&mut self) -> Result<Option<Bytes>, ContentError> {
        let chunk = self.chunk().await;
        if chunk.is_err() {
            // Nothing more is read, and what was read is no longer a whole content.
            self.remaining = 0..0;
            self.hasher = None;
        }
        chunk
    }
}
