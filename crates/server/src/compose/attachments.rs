//! The store of the bytes of attachments.

use std::{fs, io::ErrorKind, os::unix::fs::MetadataExt as _, path::Path, sync::Arc};

use attachments::{BucketStore, DiskReserve, FolderStore, Location, Spool};
use evidence::{ContentError, ContentStore, EvidenceContent};
use kernel::{Filter, PageLimit, PageRequest, Reader};
use store::DynStore;

use super::{Installation, OpenMode};
use crate::{
    failure::{Failure, ResultExt as _},
    settings::{AttachmentSettings, Database, Settings},
};

/// The folder in the data folder that receives uploads to a bucket.
const SPOOL: &str = "uploads";

/// The store of attachments of an installation.
#[derive(Clone)]
pub(crate) struct Attachments {
    /// The bytes.
    pub(crate) contents: Arc<dyn ContentStore>,
    /// The same store under its own type, if other installations may use it, too.
    shared: Option<SharedStore>,
}

#[derive(Clone)]
enum SharedStore {
    Folder(Arc<FolderStore>),
    Bucket(Arc<BucketStore>),
}

impl Attachments {
    /// Opens the store that the settings name. No bucket is connected to yet.
    ///
    /// # Errors
    /// If the settings are not valid.
    pub(crate) fn open(settings: &AttachmentSettings, data_dir: &Path) -> Result<Self, Failure> {
        Self::open_with(settings, data_dir, DiskReserve::default())
    }

    fn open_with(settings: &AttachmentSettings, data_dir: &Path, reserve: DiskReserve) -> Result<Self, Failure> {
        Ok(match &settings.location {
            Location::Memory => Self { contents: Arc::new(BucketStore::in_memory()), shared: None },
            Location::Folder(folder) => {
                let folder = Arc::new(FolderStore::new(folder).with_reserve(reserve));
                let shared = settings.is_named.then(|| SharedStore::Folder(Arc::clone(&folder)));
                Self { contents: folder, shared }
            }
            Location::Bucket(url) => {
                let spool = Spool::Folder(data_dir.join(SPOOL), reserve);
                let bucket = Arc::new(BucketStore::open(url, &settings.bucket, spool)?);
                let shared = Some(SharedStore::Bucket(Arc::clone(&bucket)));
                Self { contents: bucket, shared }
            }
        })
    }

    /// Opens the store for a process of this installation. A server creates the folder of attachments, and checks that the
    /// store is not another installation's.
    ///
    /// # Errors
    /// If the settings are not valid; if the folder is missing although there are attachments, or can't be created; if
    /// the store belongs to another installation.
    pub(super) async fn open_for(settings: &Settings, mode: OpenMode, store: &DynStore) -> Result<Self, Failure> {
        let opened = Self::open_with(&settings.attachments, &settings.data_dir, disk_reserve(settings))?;
        if !mode.is_server() {
            return Ok(opened);
        }
        if let Some(folder) = settings.attachments.folder() {
            let doing = || format!("can't create the folder of attachments {}", folder.display());
            let is_missing = matches!(fs::symlink_metadata(folder), Err(error) if error.kind() == ErrorKind::NotFound);
            if is_missing {
                ensure_unused(store, folder).await?;
            }
            FolderStore::new(folder).create().context(doing)?;
        }
        match opened.ensure_owned(store).await {
            Err(OwnershipError::Unknown(error)) => {
                tracing::warn!(%error, "the store of attachments can't be reached: the server starts without it");
            }
            Err(error) => return Err(Failure::new(error.to_string())),
            Ok(()) => {}
        }
        Ok(opened)
    }

    /// Checks that the store belongs to this installation, and marks it if it belongs to none. Only then may objects be
    /// removed: those that no record names may be another installation's.
    ///
    /// # Errors
    /// [`OwnershipError`] if it belongs to another installation, or that can't be found out.
    pub(crate) async fn ensure_owned(&self, store: &DynStore) -> Result<(), OwnershipError> {
        let Some(shared) = &self.shared else { return Ok(()) };
        let installation = store.installation_id().await?.unwrap_or_default();
        let owner = match shared {
            SharedStore::Folder(folder) => folder.claim(&installation).await,
            SharedStore::Bucket(bucket) => bucket.claim(&installation).await,
        };
        match owner? {
            owner if owner == installation => Ok(()),
            owner => Err(OwnershipError::Another { owner, installation }),
        }
    }
}

/// The reason why objects may not be removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OwnershipError {
    /// The store belongs to another installation.
    #[error(
        "the store of attachments belongs to the installation {owner}, and this one is {installation}: give this one a copy of \
         the store (attachments_url); or if {owner} does not exist any more, remove the object {} from the store",
        attachments::OWNER
    )]
    Another {
        /// The installation that the store belongs to.
        owner: String,
        /// This installation.
        installation: String,
    },
    /// The store of attachments can't be used.
    #[error(transparent)]
    Unknown(#[from] ContentError),
    /// The database can't be used.
    #[error(transparent)]
    Database(#[from] kernel::StoreError),
}

impl Installation {
    /// Checks that nothing is missing if the folder of attachments does not exist.
    ///
    /// # Errors
    /// If the database names attachments, or fails.
    pub(crate) async fn check_absent_attachments(&self, folder: &Path) -> Result<(), Failure> {
        ensure_unused(&*self.store, folder).await
    }
}

/// Returns what uploads leave free of the disk that they are written to: nothing, unless it is that of the database.
fn disk_reserve(settings: &Settings) -> DiskReserve {
    let spool = settings.data_dir.join(SPOOL);
    let written_to = settings.attachments.folder().unwrap_or(&spool);
    match &settings.database {
        Database::Sqlite(database) if disk_of(database).is_some_and(|disk| disk_of(written_to) == Some(disk)) => {
            DiskReserve::new(settings.attachments.disk_reserve)
        }
        _ => DiskReserve::default(),
    }
}

/// Returns the number of the disk that a file or folder is on, or will be on once it exists.
fn disk_of(path: &Path) -> Option<u64> {
    let path = std::path::absolute(path).ok()?;
    path.ancestors().find_map(|existing| Some(fs::metadata(existing).ok()?.dev()))
}

/// Checks that the database names no bytes of attachments, whose folder is missing.
async fn ensure_unused(store: &DynStore, folder: &Path) -> Result<(), Failure> {
    let (all, first) =
        (Filter::<EvidenceContent>::default(), PageRequest { limit: PageLimit::clamped(1), ..PageRequest::default() });
    for organization in store.organizations().await? {
        let contents = Reader::<EvidenceContent>::list(store, organization.meta.id, &all, &first).await?;
        if !contents.items.is_empty() {
            return Err(Failure::new(format!(
                "the folder of attachments {} is missing, but the database names attachments in it. Mount its disk, correct \
                 attachments_url or data_dir (several servers need one store that all of them reach), or restore a backup; to go on \
                 without them, create the folder",
                folder.display()
            )));
        }
    }
    Ok(())
}
