//! A file that is sent at the pace of its receiver.

use std::{fs::File, io::Seek as _};

use bytes::Bytes;
use tokio::{io::AsyncReadExt as _, sync::mpsc};

use crate::failure::Failure;

/// The size of the chunks, in bytes.
pub(super) const CHUNK_SIZE: usize = 64 * 1024;

/// Sends the bytes of the file, at the pace of their receiver.
pub(super) async fn send(mut file: File, out: &mpsc::Sender<Bytes>) -> Result<(), Failure> {
    file.rewind()?;
    let mut file = tokio::fs::File::from_std(file);
    loop {
        let mut chunk = Vec::with_capacity(CHUNK_SIZE);
        (&mut file).take(CHUNK_SIZE as u64).read_to_end(&mut chunk).await?;
        if chunk.is_empty() || out.send(chunk.into()).await.is_err() {
            return Ok(());
        }
    }
}
