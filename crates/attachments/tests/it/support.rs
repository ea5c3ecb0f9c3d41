//! Stores under test, and what tests do with them.

use std::{fs, ops::Range, path::PathBuf, sync::Arc};

use bytes::Bytes;
use evidence::{ContentError, ContentKey, ContentStore, FinishedUpload, ListedObject, ObjectName, StoredContent};
use kernel::{OrganizationId, Ulid};
use novantra_attachments::{BucketOptions, BucketStore, DiskReserve, FolderStore, Location, Spool};
use object_store::{ObjectStore, ObjectStoreExt as _, aws::AmazonS3Builder, path::Path, prefix::PrefixStore};
use tempfile::TempDir;

/// The organization that uploads.
pub(crate) const ORGANIZATION: OrganizationId = OrganizationId::new(Ulid(7));

/// A new, empty store, and a way to change its objects behind its back.
pub(crate) struct TestStore {
    pub(crate) store: Arc<dyn ContentStore>,
    claims: Claims,
    objects: Objects,
    _folder: TempDir,
}

/// The store under its own type, which has what the port does not.
enum Claims {
    Folder(FolderStore),
    Bucket(BucketStore),
}

enum Objects {
    Folder(PathBuf),
    Bucket(Arc<dyn ObjectStore>),
}

/// A store in memory.
pub(crate) async fn memory() -> TestStore {
    let objects: Arc<dyn ObjectStore> = Arc::new(object_store::memory::InMemory::new());
    let open = || BucketStore::new(Arc::clone(&objects), Spool::Memory);
    let (store, claims) = (Arc::new(open()), Claims::Bucket(open()));
    TestStore { claims, store, objects: Objects::Bucket(objects), _folder: tempfile::tempdir().unwrap() }
}

/// A store in a folder.
pub(crate) async fn folder() -> TestStore {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("attachments");
    let store = FolderStore::new(&root);
    store.create().unwrap();
    TestStore {
        claims: Claims::Folder(FolderStore::new(&root)),
        store: Arc::new(store),
        objects: Objects::Folder(root),
        _folder: folder,
    }
}

/// A store in a bucket of its own of a real S3 server.
pub(crate) async fn s3() -> TestStore {
    const PREFIX: &str = "novantra/test";

    let endpoint = std::env::var("NOVANTRA_TEST_S3_URL")
        .expect("NOVANTRA_TEST_S3_URL is not set: run the tests by `cargo xtask test`, which starts an S3 server");
    let spool = tempfile::Builder::new().prefix("spool-").tempdir().unwrap();
    let unique = spool.path().file_name().unwrap().to_str().unwrap().to_lowercase();
    let bucket = format!("{unique}-{}", std::process::id());
    let created = reqwest::Client::new().put(format!("{endpoint}/{bucket}")).send().await.unwrap();
    assert!(created.status().is_success(), "{created:?}");

    let client = AmazonS3Builder::new().with_endpoint(&endpoint).with_allow_http(true).with_bucket_name(&bucket);
    let client = client.with_access_key_id("test").with_secret_access_key("test").build().unwrap();
    let Ok(Location::Bucket(url)) = format!("s3://{bucket}/{PREFIX}").parse() else { panic!("the URL is malformed") };
    let options =
        BucketOptions { endpoint: Some(endpoint), access_key: Some("test".to_owned()), secret: Some("test".into()) };
    let open =
        || BucketStore::open(&url, &options, Spool::Folder(spool.path().to_owned(), DiskReserve::default())).unwrap();
    let objects = Objects::Bucket(Arc::new(PrefixStore::new(client, PREFIX)));
    TestStore { claims: Claims::Bucket(open()), store: Arc::new(open()), objects, _folder: spool }
}

impl TestStore {
    /// Uploads bytes in chunks of various sizes, without storing them as an object.
    pub(crate) async fn upload(&self, id: u128, bytes: &[u8]) -> Box<dyn FinishedUpload> {
        let mut upload = self.store.begin_upload(ORGANIZATION, Ulid(id)).await.unwrap();
        for chunk in bytes.chunks(100_000) {
            upload.write(Bytes::copy_from_slice(chunk)).await.unwrap();
        }
        upload.finish().await.unwrap()
    }

    /// Uploads bytes and stores them under a key with this generation.
    pub(crate) async fn put(&self, generation: u128, bytes: &[u8]) -> StoredContent {
        self.upload(generation, bytes).await.store(Ulid(generation)).await.unwrap()
    }

    /// Reads a range of a content. Checks that no chunk is too large.
    pub(crate) async fn read(&self, content: &StoredContent, range: Range<u64>) -> Result<Vec<u8>, ContentError> {
        let mut reader = self.store.read(content, range).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = reader.next().await? {
            assert!((1..=novantra_attachments::CHUNK_BYTES).contains(&(chunk.len() as u64)), "{}", chunk.len());
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    pub(crate) async fn claim(&self, installation: &str) -> String {
        let owner = match &self.claims {
            Claims::Folder(store) => store.claim(installation).await,
            Claims::Bucket(store) => store.claim(installation).await,
        };
        owner.unwrap()
    }

    pub(crate) async fn list(&self) -> Vec<ListedObject> {
        self.store.list(None, 1000).await.unwrap()
    }

    pub(crate) async fn names(&self) -> Vec<String> {
        self.list().await.iter().map(|object| object.name.to_string()).collect()
    }

    pub(crate) async fn remove(&self, key: ContentKey) {
        self.store.remove(&ObjectName::from(key)).await.unwrap();
    }

    /// Stores an object without the store.
    pub(crate) async fn overwrite(&self, name: &str, bytes: &[u8]) {
        match &self.objects {
            Objects::Folder(root) => {
                let path = root.join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, bytes).unwrap();
            }
            Objects::Bucket(objects) => {
                objects.put(&Path::from(name), bytes.to_vec().into()).await.unwrap();
            }
        }
    }

    /// The names of everything that is stored, including what the store does not list.
    pub(crate) async fn everything(&self) -> Vec<String> {
        match &self.objects {
            Objects::Folder(root) => files_below(root, ""),
            Objects::Bucket(objects) => {
                use futures_util::TryStreamExt as _;
                let found: Vec<_> = objects.list(None).try_collect().await.unwrap();
                found.iter().map(|meta| meta.location.to_string()).collect()
            }
        }
    }

    pub(crate) fn root(&self) -> &std::path::Path {
        match &self.objects {
            Objects::Folder(root) => root,
            Objects::Bucket(_) => panic!("the store is not in a folder"),
        }
    }
}

fn files_below(folder: &std::path::Path, prefix: &str) -> Vec<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            files.extend(files_below(&entry.path(), &format!("{name}/")));
        } else {
            files.push(name);
        }
    }
    files
}

/// Bytes that differ at every position that matters.
pub(crate) fn sample(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8 ^ (index >> 16) as u8).collect()
}
