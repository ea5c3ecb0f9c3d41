//! The archive of the audit log: objects that are written once, in a folder or a bucket.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _},
    ops::Range,
    os::unix::fs::DirBuilderExt as _,
    path::{Path as FilePath, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use audit::ArchiveObjects;
use futures_util::TryStreamExt as _;
use kernel::StoreError;
use object_store::{GetOptions, ObjectStore, ObjectStoreExt as _, PutMode, PutPayload, path::Path};

use crate::{
    bucket::{BucketOptions, InvalidBucketOptions, open},
    location::Location,
};

/// Objects of the audit log's archive.
pub struct ArchiveStore(Backend);

enum Backend {
    /// A folder, which must exist: one that is missing is a disk that is not mounted.
    Folder(Arc<FilePath>),
    Bucket(Arc<dyn ObjectStore>),
}

impl ArchiveStore {
    /// Opens the archive at this location. Nothing is read or written yet.
    ///
    /// # Errors
    /// If the options, or the environment variables of the service, are not valid.
    pub fn open(location: &Location, options: &BucketOptions) -> Result<Self, InvalidBucketOptions> {
        Ok(Self(match location {
            Location::Memory => Backend::Bucket(Arc::new(object_store::memory::InMemory::new())),
            Location::Folder(folder) => Backend::Folder(folder.as_path().into()),
            Location::Bucket(url) => Backend::Bucket(open(url, options)?),
        }))
    }
}

#[async_trait]
impl ArchiveObjects for ArchiveStore {
    async fn write(&self, name: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        let bucket = match &self.0 {
            Backend::Folder(root) => {
                let (root, path) = (Arc::clone(root), path_of(root, name)?);
                return blocking(move || write_file(&root, &path, &bytes)).await;
            }
            Backend::Bucket(bucket) => bucket,
        };
        let (path, payload) = (Path::from(name), PutPayload::from(bytes));
        match bucket.put_opts(&path, payload.clone(), PutMode::Create.into()).await {
            Err(object_store::Error::AlreadyExists { .. }) => Ok(()),
            // Not every server knows conditions.
            Err(object_store::Error::NotImplemented { .. } | object_store::Error::NotSupported { .. }) => {
                match bucket.head(&path).await {
                    Ok(_) => Ok(()),
                    Err(object_store::Error::NotFound { .. }) => {
                        bucket.put(&path, payload).await.map(drop).map_err(unavailable)
                    }
                    Err(error) => Err(unavailable(error)),
                }
            }
            written => written.map(drop).map_err(unavailable),
        }
    }

    async fn read(&self, name: &str, range: Range<u64>) -> Result<Option<Vec<u8>>, StoreError> {
        if range.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let bucket = match &self.0 {
            Backend::Folder(root) => {
                let (root, path) = (Arc::clone(root), path_of(root, name)?);
                return blocking(move || read_file(&root, &path, range)).await;
            }
            Backend::Bucket(bucket) => bucket,
        };
        let options = GetOptions::new().with_range(Some(range.clone()));
        match bucket.get_opts(&Path::from(name), options).await {
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Ok(found) => Ok(Some(found.bytes().await.map_err(unavailable)?.to_vec())),
            // A range that begins at or behind the end is refused.
            Err(error) => match bucket.head(&Path::from(name)).await {
                Ok(meta) if meta.size <= range.start => Ok(Some(Vec::new())),
                _ => Err(unavailable(error)),
            },
        }
    }

    async fn list(&self, folder: &str, limit: usize) -> Result<Vec<String>, StoreError> {
        let bucket = match &self.0 {
            Backend::Folder(root) => {
                let (root, path, folder) = (Arc::clone(root), path_of(root, folder)?, folder.to_owned());
                return blocking(move || list_files(&root, &path, &folder, limit)).await;
            }
            Backend::Bucket(bucket) => bucket,
        };
        // Not every store lists in order, so all names are needed. There is one for 65,536 entries.
        let mut found = bucket.list(Some(&Path::from(folder)));
        let mut names = std::collections::BTreeSet::new();
        while let Some(meta) = found.try_next().await.map_err(unavailable)? {
            names.insert(meta.location.to_string());
            if names.len() > limit {
                names.pop_last();
            }
        }
        Ok(names.into_iter().collect())
    }

    async fn remove(&self, name: &str) -> Result<(), StoreError> {
        match &self.0 {
            Backend::Folder(root) => {
                let path = path_of(root, name)?;
                let root = Arc::clone(root);
                blocking(move || {
                    fs::metadata(&root)?;
                    match fs::remove_file(&path) {
                        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                        removed => removed,
                    }
                })
                .await
            }
            Backend::Bucket(bucket) => match bucket.delete(&Path::from(name)).await {
                Err(object_store::Error::NotFound { .. }) => Ok(()),
                removed => removed.map_err(unavailable),
            },
        }
    }
}

/// The path of an object, whose name must not lead out of the folder.
fn path_of(root: &FilePath, name: &str) -> Result<PathBuf, StoreError> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_part = |part: &str| !part.is_empty() && !part.starts_with('.') && part.bytes().all(is_allowed);
    if name.split('/').all(is_part) {
        return Ok(root.join(name));
    }
    Err(StoreError::Corrupt(format!("{name:?} is not the name of an object").into()))
}

fn write_file(root: &FilePath, path: &FilePath, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(root);
    fs::metadata(root)?;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != ErrorKind::AlreadyExists => return Err(error.error),
        _ => {}
    }
    // The folders may be new as well.
    let mut folders = folder.ancestors().take_while(|ancestor| ancestor.starts_with(root));
    folders.try_for_each(|folder| File::open(folder)?.sync_all())
}

fn read_file(root: &FilePath, path: &FilePath, range: Range<u64>) -> io::Result<Option<Vec<u8>>> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return fs::metadata(root).map(|_| None);
        }
        file => file?,
    };
    file.seek(SeekFrom::Start(range.start))?;
    let mut bytes = Vec::new();
    file.take(range.end - range.start).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

fn list_files(root: &FilePath, path: &FilePath, folder: &str, limit: usize) -> io::Result<Vec<String>> {
    let files = match fs::read_dir(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return fs::metadata(root).map(|_| Vec::new()),
        files => files?,
    };
    let name = |file: io::Result<fs::DirEntry>| file.map(|file| file.file_name().into_string().ok());
    let mut names: Vec<String> = files.filter_map(|file| name(file).transpose()).collect::<io::Result<_>>()?;
    // Files that are being written have names that begin with a dot.
    names.retain(|name| !name.starts_with('.'));
    names.sort_unstable();
    names.truncate(limit);
    Ok(names.into_iter().map(|name| format!("{folder}/{name}")).collect())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(unavailable),
        Err(error) => Err(unavailable(error)),
    }
}

fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}
