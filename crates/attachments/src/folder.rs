//! Attachments in a folder.
//!
//! An upload is written to a file of its own and synced to the disk. It becomes an object by a rename, after which its new
//! folder is synced, too. Folders and files are only accessible to the user of this process, and no symbolic link below
//! the folder is followed.

mod directory;
mod upload;

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    ops::Range,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;
use evidence::{
    ContentError, ContentKey, ContentReader, ContentStore, ContentUpload, ListedObject, ObjectName, StoredContent,
};
use kernel::{OrganizationId, Ulid};

use crate::{
    CHUNK_BYTES, DiskReserve, MAX_OWNER_BYTES, OWNER, blocking,
    verified_reader::{Source, VerifiedReader},
};
use directory::Directory;

/// Stores attachments in a folder.
pub struct FolderStore {
    root: Arc<Path>,
    reserve: DiskReserve,
}

impl FolderStore {
    /// The store in this folder, which may not exist yet.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.into(), reserve: DiskReserve::default() }
    }

    /// Has uploads leave this much of the disk free.
    #[must_use]
    pub fn with_reserve(self, reserve: DiskReserve) -> Self {
        Self { reserve, ..self }
    }

    /// Creates the folder if it does not exist.
    ///
    /// # Errors
    /// If the folder can't be created.
    pub fn create(&self) -> io::Result<()> {
        match Directory::create_root(&self.root) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            created => created,
        }
    }

    /// Marks the store as that of an installation, unless it is marked already. Returns the installation that it belongs
    /// to.
    ///
    /// # Errors
    /// [`ContentError`] if the folder can't be used.
    pub async fn claim(&self, installation: &str) -> Result<String, ContentError> {
        let installation = installation.to_owned();
        self.with_root(move |root, _| {
            let path = root.join(OWNER);
            let claimed = tempfile::NamedTempFile::new_in(&root).and_then(|mut file| {
                file.write_all(installation.as_bytes())?;
                file.as_file().sync_all()?;
                match file.persist_noclobber(&path) {
                    Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
                    _ => Directory::open_root(&root)?.sync(),
                }
            });
            let owner = claimed.and_then(|()| {
                let mut owner = String::new();
                File::open(&path)?.take(MAX_OWNER_BYTES).read_to_string(&mut owner)?;
                Ok(owner)
            });
            owner.map_err(|error| failure(&path, error))
        })
        .await
    }

    /// Runs work on the folder, on a thread for blocking work.
    async fn with_root<T: Send + 'static>(
        &self,
        work: impl FnOnce(Arc<Path>, Directory) -> Result<T, ContentError> + Send + 'static,
    ) -> Result<T, ContentError> {
        let root = Arc::clone(&self.root);
        blocking(move || {
            let directory = Directory::open_root(&root).map_err(|error| failure(&root, error))?;
            work(root, directory)
        })
        .await
    }
}

#[async_trait]
impl ContentStore for FolderStore {
    async fn begin_upload(
        &self,
        organization: OrganizationId,
        upload: Ulid,
    ) -> Result<Box<dyn ContentUpload>, ContentError> {
        let reserve = self.reserve.clone();
        self.with_root(move |root, directory| upload::begin(root, &directory, organization, upload, reserve)).await
    }

    async fn read(&self, content: &StoredContent, range: Range<u64>) -> Result<Box<dyn ContentReader>, ContentError> {
        let content = content.clone();
        let key = content.key;
        let (file, size, path) = self
            .with_root(move |root, directory| {
                let name = ObjectName::from(key);
                let path = root.join(name.to_string());
                let file = directory.open_object(&name).map_err(|error| read_failure(&path, key, error))?;
                let size = file.metadata().map_err(|error| failure(&path, error))?.len();
                Ok((file, size, path))
            })
            .await?;
        let source = FileSource { file: Arc::new(file), key, path: path.into() };
        Ok(Box::new(VerifiedReader::new(source, content, range, size)?))
    }

    fn reader_bytes(&self) -> usize {
        2 * CHUNK_BYTES as usize
    }

    async fn remove(&self, name: &ObjectName) -> Result<(), ContentError> {
        let name = *name;
        self.with_root(move |root, directory| match directory.remove_object(&name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(|error| failure(&root.join(name.to_string()), error)),
        })
        .await
    }

    async fn list(&self, after: Option<&ObjectName>, limit: usize) -> Result<Vec<ListedObject>, ContentError> {
        let after = after.map(ToString::to_string).unwrap_or_default();
        self.with_root(move |root, directory| {
            directory.list_objects(&after, limit).map_err(|error| failure(&root, error))
        })
        .await
    }

    async fn probe(&self) -> Result<(), ContentError> {
        self.with_root(|root, _| {
            // The file has no name, so that nothing remains even if the process is killed.
            let written = tempfile::tempfile_in(&root).and_then(|mut file| file.write_all(&[0; 4096]));
            written.map_err(|error| failure(&root, error))
        })
        .await
    }
}

/// The file of an object.
struct FileSource {
    file: Arc<File>,
    key: ContentKey,
    path: Arc<Path>,
}

#[async_trait]
impl Source for FileSource {
    async fn read(&mut self, range: Range<u64>) -> Result<Bytes, ContentError> {
        let (file, key, path) = (Arc::clone(&self.file), self.key, Arc::clone(&self.path));
        blocking(move || {
            let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap_or_default()];
            match file.read_exact_at(&mut bytes, range.start) {
                Ok(()) => Ok(bytes.into()),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(ContentError::Altered(key)),
                Err(error) => Err(failure(&path, error)),
            }
        })
        .await
    }
}

/// The failure to use a file, which the message names.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}", path.display())]
struct FileFailure {
    path: PathBuf,
    #[source]
    error: io::Error,
}

/// The error of the store after a failure with this file or folder.
fn failure(path: &Path, error: io::Error) -> ContentError {
    let is_full =
        matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge);
    let failure = Box::new(FileFailure { path: path.to_owned(), error });
    if is_full { ContentError::Full(failure) } else { ContentError::Unavailable(failure) }
}

/// The error of the store after a failure to open the file of an object. A symbolic link or a folder in its place is no
/// object of this store.
fn read_failure(path: &Path, key: ContentKey, error: io::Error) -> ContentError {
    match error.kind() {
        io::ErrorKind::NotFound => ContentError::Missing(key),
        io::ErrorKind::InvalidInput => ContentError::Altered(key),
        _ if directory::is_of_another_type(&error) => ContentError::Altered(key),
        _ => failure(path, error),
    }
}
