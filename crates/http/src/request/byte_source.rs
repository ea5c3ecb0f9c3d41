//! Sources of the bytes of a file, such as a body or a part of a form.

use async_trait::async_trait;
use bytes::Bytes;

use super::StreamedBody;
use crate::response::Problem;

/// A source of the bytes of a file, which arrive bit by bit.
#[async_trait]
pub trait ByteSource: Send {
    /// Returns the next bytes; `None` at the end.
    ///
    /// # Errors
    /// The error response if the rest can't be received.
    async fn next(&mut self) -> Result<Option<Bytes>, Problem>;

    /// The number of bytes that are announced; 0 if nobody says.
    fn announced(&self) -> u64 {
        0
    }
}

#[async_trait]
impl ByteSource for StreamedBody {
    async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        Self::next(self).await
    }

    fn announced(&self) -> u64 {
        Self::announced(self)
    }
}

#[async_trait]
impl ByteSource for Option<Bytes> {
    async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        Ok(self.take())
    }

    fn announced(&self) -> u64 {
        self.as_ref().map_or(0, |bytes| bytes.len() as u64)
    }
}
