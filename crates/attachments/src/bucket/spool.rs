//! Uploads to a bucket.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, FileExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;
use evidence::{ContentError, ContentHash, ContentKey, ContentUpload, FinishedUpload, StoredContent};
use kernel::{OrganizationId, Ulid};
use object_store::{MultipartUpload, ObjectStoreExt as _, PutPayload};
use sha2::{Digest as _, Sha256};

use super::{Bucket, PART_BYTES, object_path, unavailable};
use crate::{DiskReserve, blocking, failed_before};

/// The place that receives uploads until they are complete.
#[derive(Clone)]
pub enum Spool {
    /// The memory of this process.
    Memory,
    /// A folder on the disk of this machine, of which uploads leave a part free.
    Folder(PathBuf, DiskReserve),
}

impl Spool {
    async fn open(&self) -> Result<Spooled, ContentError> {
        match self {
            Self::Memory => Ok(Spooled::Memory(Vec::new())),
            Self::Folder(folder, reserve) => {
                let (folder, reserve) = (folder.clone(), reserve.clone());
                blocking(move || {
                    let file = create_file(&folder).map_err(spool_failure)?;
                    reserve.check(&file, 0)?;
                    Ok(Spooled::File(file, reserve))
                })
                .await
            }
        }
    }
}

/// Creates a file without a name. The folder is created if it does not exist.
fn create_file(folder: &Path) -> io::Result<File> {
    match tempfile::tempfile_in(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            tempfile::tempfile_in(folder)
        }
        created => created,
    }
}

/// The bytes of an upload.
enum Spooled {
    Memory(Vec<Bytes>),
    File(File, DiskReserve),
}

/// An upload that is receiving bytes. Its state is on another thread while it is written to.
pub(super) struct SpooledUpload {
    bucket: Arc<Bucket>,
    organization: OrganizationId,
    state: Option<(Spooled, Sha256, u64)>,
}

impl SpooledUpload {
    pub(super) async fn begin(bucket: &Arc<Bucket>, organization: OrganizationId) -> Result<Self, ContentError> {
        let spooled = bucket.spool.open().await?;
        Ok(Self { bucket: Arc::clone(bucket), organization, state: Some((spooled, Sha256::new(), 0)) })
    }
}

#[async_trait]
impl ContentUpload for SpooledUpload {
    async fn write(&mut self, chunk: Bytes) -> Result<(), ContentError> {
        let (mut spooled, mut hasher, size) = self.state.take().ok_or_else(failed_before)?;
        let written = blocking(move || {
            hasher.update(&chunk);
            let size = size + chunk.len() as u64;
            match &mut spooled {
                Spooled::Memory(chunks) => chunks.push(chunk),
                Spooled::File(file, reserve) => {
                    reserve.check(file, chunk.len())?;
                    file.write_all(&chunk).map_err(spool_failure)?;
                }
            }
            Ok((spooled, hasher, size))
        });
        self.state = Some(written.await?);
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<Box<dyn FinishedUpload>, ContentError> {
        let (spooled, hasher, size) = self.state.take().ok_or_else(failed_before)?;
        let hash = ContentHash(hasher.finalize().into());
        let (bucket, organization) = (Arc::clone(&self.bucket), self.organization);
        Ok(Box::new(FinishedSpool { bucket, organization, spooled, hash, size }))
    }
}

/// An upload that is complete in the spool.
struct FinishedSpool {
    bucket: Arc<Bucket>,
    organization: OrganizationId,
    spooled: Spooled,
    hash: ContentHash,
    size: u64,
}

#[async_trait]
impl FinishedUpload for FinishedSpool {
    fn hash(&self) -> ContentHash {
        self.hash
    }

    fn size(&self) -> u64 {
        self.size
    }

    async fn store(self: Box<Self>, generation: Ulid) -> Result<StoredContent, ContentError> {
        let Self { bucket, organization, spooled, hash, size } = *self;
        let content = StoredContent { key: ContentKey { organization, hash, generation }, size };
        let key = content.key;
        // A task of its own completes the upload, or aborts it, even if the caller is gone.
        let sent = tokio::spawn(async move { send(&bucket, key, spooled, size).await }).await;
        sent.map_err(|error| ContentError::Unavailable(error.into()))??;
        Ok(content)
    }

    async fn discard(self: Box<Self>) {}
}

/// Sends the bytes to the bucket, in parts if they are many.
async fn send(bucket: &Bucket, key: ContentKey, spooled: Spooled, size: u64) -> Result<(), ContentError> {
    let path = object_path(&key.into());
    match spooled {
        Spooled::Memory(chunks) => {
            bucket.objects.put(&path, chunks.into_iter().collect()).await.map_err(unavailable)?;
        }
        Spooled::File(file, _) if size <= PART_BYTES => {
            let _permit = bucket.parts.acquire().await;
            let payload = read_part(&Arc::new(file), 0, size).await?;
            bucket.objects.put(&path, payload).await.map_err(unavailable)?;
        }
        Spooled::File(file, _) => {
            let mut upload = bucket.objects.put_multipart(&path).await.map_err(unavailable)?;
            if let Err(error) = send_parts(bucket, &mut *upload, file, size).await {
                // Parts that remain because this fails, too, are removed by a lifecycle rule of the bucket.
                let _ = upload.abort().await;
                return Err(error);
            }
        }
    }
    Ok(())
}

async fn send_parts(
    bucket: &Bucket,
    upload: &mut dyn MultipartUpload,
    file: File,
    size: u64,
) -> Result<(), ContentError> {
    let file = Arc::new(file);
    let mut start = 0;
    while start < size {
        // Held until the part is sent, so that the parts in memory are few whatever the number of uploads.
        let _permit = bucket.parts.acquire().await;
        let length = PART_BYTES.min(size - start);
        let payload = read_part(&file, start, length).await?;
        upload.put_part(payload).await.map_err(unavailable)?;
        start += length;
    }
    upload.complete().await.map_err(unavailable)?;
    Ok(())
}

async fn read_part(file: &Arc<File>, start: u64, length: u64) -> Result<PutPayload, ContentError> {
    let file = Arc::clone(file);
    blocking(move || {
        let mut part = vec![0; usize::try_from(length).unwrap_or_default()];
        file.read_exact_at(&mut part, start).map_err(spool_failure)?;
        Ok(part.into())
    })
    .await
}

/// The error of the store after a failure with the spool.
fn spool_failure(error: io::Error) -> ContentError {
    let message = io::Error::new(error.kind(), format!("the folder that receives uploads can't be used: {error}"));
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            ContentError::Full(message.into())
        }
        _ => ContentError::Unavailable(message.into()),
    }
}
