//! Uploads to a folder.

use std::{fs::File, io::Write as _, path::Path, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use evidence::{ContentError, ContentHash, ContentKey, ContentUpload, FinishedUpload, ObjectName, StoredContent};
use kernel::{OrganizationId, Ulid};
use sha2::{Digest as _, Sha256};

use super::{directory::Directory, failure};
use crate::{DiskReserve, blocking, failed_before};

/// Creates the file of an upload.
pub(super) fn begin(
    root: Arc<Path>,
    directory: &Directory,
    organization: OrganizationId,
    upload: Ulid,
    reserve: DiskReserve,
) -> Result<Box<dyn ContentUpload>, ContentError> {
    let name = ObjectName::Upload(organization, upload);
    let path = root.join(name.to_string());
    let opened = directory.create_folder_of(&name).and_then(|(directory, name)| {
        let file = directory.create_file(&name)?;
        Ok((UploadName { directory, name, exists: true }, file))
    });
    let (name, file) = opened.map_err(|error| failure(&path, error))?;
    reserve.check(&file, 0)?;
    let file =
        UploadFile { name, file, reserve, root, path: path.into(), organization, hasher: Sha256::new(), size: 0 };
    Ok(Box::new(FolderUpload(Some(file))))
}

/// The name of an upload, which is removed when this is dropped.
struct UploadName {
    directory: Directory,
    name: String,
    exists: bool,
}

impl Drop for UploadName {
    fn drop(&mut self) {
        if self.exists {
            // What can't be removed now is removed by the sweep.
            let _ = self.directory.remove_file(&self.name);
        }
    }
}

/// The file of an upload, with what was computed of its bytes.
struct UploadFile {
    name: UploadName,
    file: File,
    reserve: DiskReserve,
    root: Arc<Path>,
    path: Arc<Path>,
    organization: OrganizationId,
    hasher: Sha256,
    size: u64,
}

/// An upload that is receiving bytes. Its file is on another thread while it is written to.
struct FolderUpload(Option<UploadFile>);

#[async_trait]
impl ContentUpload for FolderUpload {
    async fn write(&mut self, chunk: Bytes) -> Result<(), ContentError> {
        let mut upload = self.0.take().ok_or_else(failed_before)?;
        let written = blocking(move || {
            upload.reserve.check(&upload.file, chunk.len())?;
            upload.file.write_all(&chunk).map_err(|error| failure(&upload.path, error))?;
            upload.hasher.update(&chunk);
            upload.size += chunk.len() as u64;
            Ok(upload)
        });
        self.0 = Some(written.await?);
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<Box<dyn FinishedUpload>, ContentError> {
        let upload = self.0.take().ok_or_else(failed_before)?;
        blocking(move || {
            upload.file.sync_all().map_err(|error| failure(&upload.path, error))?;
            let UploadFile { name, root, organization, hasher, size, .. } = upload;
            let hash = ContentHash(hasher.finalize().into());
            Ok(Box::new(FinishedFile { name, root, organization, hash, size }) as Box<dyn FinishedUpload>)
        })
        .await
    }
}

/// An upload whose bytes are on the disk.
struct FinishedFile {
    name: UploadName,
    root: Arc<Path>,
    organization: OrganizationId,
    hash: ContentHash,
    size: u64,
}

#[async_trait]
impl FinishedUpload for FinishedFile {
    fn hash(&self) -> ContentHash {
        self.hash
    }

    fn size(&self) -> u64 {
        self.size
    }

    async fn store(self: Box<Self>, generation: Ulid) -> Result<StoredContent, ContentError> {
        blocking(move || {
            let Self { mut name, root, organization, hash, size } = *self;
            let key = ContentKey { organization, hash, generation };
            let path = root.join(key.to_string());
            let moved = Directory::open_root(&root).and_then(|root| {
                let (folder, file) = root.create_folder_of(&key.into())?;
                name.directory.move_file(&name.name, &folder, &file)
            });
            moved.map_err(|error| failure(&path, error))?;
            name.exists = false;
            Ok(StoredContent { key, size })
        })
        .await
    }

    async fn discard(self: Box<Self>) {
        let _ = blocking(move || {
            drop(self);
            Ok(())
        })
        .await;
    }
}
