//! Backup, restore and copy of the bytes of attachments, from one store to another.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, Read},
    path::Path,
    sync::Arc,
};

use attachments::FolderStore;
use bytes::{Buf as _, Bytes};
use evidence::{ContentError, ContentReader, ContentStore, ListedObject, ObjectName, StoredContent};
use kernel::Clock as _;
use tokio::runtime::Handle;

use super::{Attachments, Installation, NamedContents, entropy};
use crate::{
    archive::{AttachmentFile, AttachmentSource},
    clock::SystemClock,
    failure::{Failure, ResultExt as _},
    settings::{AttachmentSettings, Settings},
};

/// Number of objects listed at a time.
const PAGE_SIZE: usize = 1000;

/// The numbers of a copy of attachments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CopiedAttachments {
    /// Objects that were copied.
    pub(crate) copied: u64,
    /// Objects that the target had already.
    pub(crate) present: u64,
    /// Bytes that were copied.
    pub(crate) bytes: u64,
}

/// Returns the attachments for a backup of the database that names these; `None` if there are none yet. The returned source
/// blocks, and must be used on a thread for blocking work.
///
/// # Errors
/// If the store of attachments is missing.
pub(crate) async fn stored_attachments(
    settings: &Settings,
    named: NamedContents,
) -> Result<Option<StoredAttachments>, Failure> {
    if let Some(folder) = settings.attachments.folder()
        && folder.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound)
    {
        Installation::with(settings, async |installation| installation.check_absent_attachments(folder).await).await?;
        return Ok(None);
    }
    let contents = Attachments::open(&settings.attachments, &settings.data_dir)?.contents;
    Ok(Some(StoredAttachments { objects: Objects::new(contents), named, runtime: Handle::current() }))
}

/// Stores the attachments of a restored backup, which were unpacked to a folder, in a bucket.
///
/// # Errors
/// If the bucket can't be used, or the bytes of an attachment are not those that its name says.
pub(crate) async fn store_restored(
    unpacked: &Path,
    settings: &AttachmentSettings,
    data_dir: &Path,
) -> Result<(), Failure> {
    let target = Attachments::open(settings, data_dir)?.contents;
    let (source, mut unnamed) = (Arc::new(FolderStore::new(unpacked)), NamedContents::default());
    copy_contents(source, &*target, &mut unnamed, &|_| ()).await.map(drop)
}

/// Checks that a bucket has no attachments.
///
/// # Errors
/// If it has, or can't be used.
pub(crate) async fn ensure_no_attachments(settings: &AttachmentSettings, data_dir: &Path) -> Result<(), Failure> {
    let contents = Attachments::open(settings, data_dir)?.contents;
    if contents.list(None, 1).await?.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("{} contains attachments already, which are not overwritten", settings.location)))
}

/// Copies the attachments of one store to another one. Those that the target has already are left if they have their hash,
/// so an interrupted copy can be started again. The copied objects are removed from `named`.
///
/// # Errors
/// If a store can't be used, or the bytes of an attachment were altered. If there is nothing to copy, no target is created.
pub(crate) async fn copy_attachments(
    from: &AttachmentSettings,
    to: &AttachmentSettings,
    data_dir: &Path,
    named: &mut NamedContents,
    report: &(dyn Fn(CopiedAttachments) + Sync),
) -> Result<CopiedAttachments, Failure> {
    let source = Attachments::open(from, data_dir)?.contents;
    // A server would take an empty folder for a store whose attachments were all there.
    if source.list(None, 1).await?.is_empty() {
        return Ok(CopiedAttachments::default());
    }
    if let Some(folder) = to.folder() {
        let doing = || format!("can't create the folder of attachments {}", folder.display());
        FolderStore::new(folder).create().context(doing)?;
    }
    let target = Attachments::open(to, data_dir)?.contents;
    copy_contents(source, &*target, named, report).await
}

/// Removes the objects that a store has from `named`, without reading their bytes.
///
/// # Errors
/// If the store can't be used.
pub(crate) async fn find_attachments(
    settings: &AttachmentSettings,
    data_dir: &Path,
    named: &mut NamedContents,
) -> Result<(), Failure> {
    let mut objects = Objects::new(Attachments::open(settings, data_dir)?.contents);
    while let Some(content) = objects.next().await? {
        named.found(&content.key);
    }
    Ok(())
}

async fn copy_contents(
    from: Arc<dyn ContentStore>,
    to: &dyn ContentStore,
    named: &mut NamedContents,
    report: &(dyn Fn(CopiedAttachments) + Sync),
) -> Result<CopiedAttachments, Failure> {
    let entropy = entropy();
    let mut copied = CopiedAttachments::default();
    let mut objects = Objects::new(Arc::clone(&from));
    while let Some(content) = objects.next().await? {
        if has_intact(to, &content).await.context(|| format!("can't read {} in the target", content.key))? {
            copied.present += 1;
        } else {
            let upload = entropy.ulid(SystemClock.now());
            copy_content(&*from, to, &content, upload).await.context(|| format!("can't copy {}", content.key))?;
            copied.copied += 1;
            copied.bytes += content.size;
        }
        named.found(&content.key);
        report(copied);
    }
    Ok(copied)
}

/// Whether the store has the object, with all of its bytes.
async fn has_intact(store: &dyn ContentStore, content: &StoredContent) -> Result<bool, ContentError> {
    let read = async {
        let mut reader = store.read(content, 0..content.size).await?;
        while reader.next().await?.is_some() {}
        Ok(())
    };
    match read.await {
        Ok(()) => Ok(true),
        Err(ContentError::Missing(_) | ContentError::Altered(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn copy_content(
    from: &dyn ContentStore,
    to: &dyn ContentStore,
    content: &StoredContent,
    upload: kernel::Ulid,
) -> Result<(), ContentError> {
    let mut reader = from.read(content, 0..content.size).await?;
    let mut upload = to.begin_upload(content.key.organization, upload).await?;
    while let Some(chunk) = reader.next().await? {
        upload.write(chunk).await?;
    }
    // The reader has verified the hash, which the key of the target is made from.
    upload.finish().await?.store(content.key.generation).await.map(drop)
}

/// The contents of a store, in the order of their names.
struct Objects {
    contents: Arc<dyn ContentStore>,
    page: VecDeque<ListedObject>,
    last: Option<ObjectName>,
}

impl Objects {
    fn new(contents: Arc<dyn ContentStore>) -> Self {
        Self { contents, page: VecDeque::new(), last: None }
    }

    /// Returns the next content. Uploads in progress are skipped.
    async fn next(&mut self) -> Result<Option<StoredContent>, ContentError> {
        loop {
            if self.page.is_empty() {
                self.page = self.contents.list(self.last.as_ref(), PAGE_SIZE).await?.into();
            }
            let Some(ListedObject { name, size, .. }) = self.page.pop_front() else { return Ok(None) };
            self.last = Some(name);
            if let ObjectName::Content(key) = name {
                return Ok(Some(StoredContent { key, size }));
            }
        }
    }
}

/// The attachments of an installation, for a backup.
pub(crate) struct StoredAttachments {
    objects: Objects,
    /// The objects that the backup does not have yet.
    named: NamedContents,
    runtime: Handle,
}

impl StoredAttachments {
    /// Returns the objects that the database names and the backup does not have.
    pub(crate) fn into_missing(self) -> NamedContents {
        self.named
    }
}

impl AttachmentSource for Option<StoredAttachments> {
    fn next(&mut self) -> Result<Option<AttachmentFile>, Failure> {
        let Some(StoredAttachments { objects, named, runtime }) = self else { return Ok(None) };
        while let Some(content) = runtime.block_on(objects.next())? {
            match runtime.block_on(objects.contents.read(&content, 0..content.size)) {
                // It was removed after it was listed. Whether the database still names it is checked at the end.
                Err(ContentError::Missing(_)) => {}
                reader => {
                    named.found(&content.key);
                    let content_reader =
                        BlockingReader { reader: reader?, chunk: Bytes::new(), runtime: runtime.clone() };
                    return Ok(Some(AttachmentFile {
                        name: content.key.to_string(),
                        length: content.size,
                        content: Box::new(content_reader),
                    }));
                }
            }
        }
        Ok(None)
    }
}

/// Reads a content by calls that block. The hash is verified on the way.
struct BlockingReader {
    reader: Box<dyn ContentReader>,
    chunk: Bytes,
    runtime: Handle,
}

impl Read for BlockingReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.chunk.is_empty() {
            self.chunk = self.runtime.block_on(self.reader.next()).map_err(io::Error::other)?.unwrap_or_default();
        }
        let length = self.chunk.len().min(into.len());
        self.chunk.copy_to_slice(&mut into[..length]);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use attachments::BucketStore;
    use kernel::{OrganizationId, Ulid};

    use super::*;

    async fn put(store: &dyn ContentStore, generation: u128, bytes: &'static [u8]) -> StoredContent {
        let mut upload = store.begin_upload(OrganizationId::new(Ulid(1)), Ulid(generation)).await.unwrap();
        upload.write(Bytes::from_static(bytes)).await.unwrap();
        upload.finish().await.unwrap().store(Ulid(generation)).await.unwrap()
    }

    #[tokio::test]
    async fn a_copy_has_the_same_objects_and_a_second_one_copies_only_what_is_new() {
        let (from, to) = (Arc::new(BucketStore::in_memory()), BucketStore::in_memory());
        for (generation, bytes) in [(1, b"one".as_slice()), (2, b"two"), (3, b"")] {
            put(&*from, generation, bytes).await;
        }
        let copied = copy_contents(Arc::clone(&from) as _, &to, &mut NamedContents::default(), &|_| ()).await.unwrap();
        assert_eq!(copied, CopiedAttachments { copied: 3, present: 0, bytes: 6 });
        let names = async |store: &BucketStore| -> Vec<_> {
            store.list(None, 10).await.unwrap().into_iter().map(|object| object.name).collect()
        };
        assert_eq!(names(&to).await, names(&from).await);
        put(&*from, 4, b"four").await;
        let copied = copy_contents(Arc::clone(&from) as _, &to, &mut NamedContents::default(), &|_| ()).await.unwrap();
        assert_eq!(copied, CopiedAttachments { copied: 1, present: 3, bytes: 4 });
    }

    #[tokio::test]
    async fn an_object_of_the_target_that_was_altered_is_copied_again() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (Arc::new(BucketStore::in_memory()), FolderStore::new(folder.path()));
        let content = put(&*from, 1, b"one").await;
        let copy = async || {
            let mut none = NamedContents::default();
            copy_contents(Arc::clone(&from) as _, &to, &mut none, &|_| ()).await.unwrap()
        };
        assert_eq!(copy().await.copied, 1);
        let path = folder.path().join(content.key.to_string());
        for altered in ["eno", "on", ""] {
            std::fs::write(&path, altered).unwrap();
            assert_eq!(copy().await, CopiedAttachments { copied: 1, present: 0, bytes: 3 });
            assert_eq!(std::fs::read_to_string(&path).unwrap(), "one");
        }
        assert_eq!(copy().await, CopiedAttachments { copied: 0, present: 1, bytes: 0 });
    }

    #[tokio::test]
    async fn an_altered_attachment_is_not_copied() {
        let folder = tempfile::tempdir().unwrap();
        let from = Arc::new(FolderStore::new(folder.path()));
        let content = put(&*from, 1, b"one").await;
        std::fs::write(folder.path().join(content.key.to_string()), "eno").unwrap();
        let to = BucketStore::in_memory();
        let error = copy_contents(from, &to, &mut NamedContents::default(), &|_| ()).await.unwrap_err().to_string();
        assert!(error.contains("altered") && error.contains(&content.key.to_string()), "{error}");
        assert!(to.list(None, 10).await.unwrap().is_empty());
    }
}
