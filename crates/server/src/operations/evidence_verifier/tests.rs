//! Tests of the verifier beside a server that changes what it verifies.

use std::{ops::Range, sync::Mutex};

use async_trait::async_trait;
use attachments::BucketStore;
use bytes::Bytes;
use evidence::{
    ContentReader, ContentType, ContentUpload, FileName, ListedObject, NewAttachment, ObjectName, StoredContent,
    remove, upload,
};
use futures_util::future::BoxFuture;
use kernel::{Attribution, Clock as _, Entropy as _, OrganizationRef, Ulid, WriteContext};
use store_contract::{Fixture, OpenedStore};
use store_memory::MemoryStore;

use super::*;
use crate::compose::{OPERATOR, command_origin};

type Hook = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

/// A store of attachments that runs a hook before the first read.
struct HookedContents {
    inner: BucketStore,
    before_read: Mutex<Option<Hook>>,
}

#[async_trait]
impl ContentStore for HookedContents {
    async fn begin_upload(
        &self,
        organization: OrganizationId,
        upload: Ulid,
    ) -> Result<Box<dyn ContentUpload>, ContentError> {
        self.inner.begin_upload(organization, upload).await
    }

    async fn read(&self, content: &StoredContent, range: Range<u64>) -> Result<Box<dyn ContentReader>, ContentError> {
        let hook = self.before_read.lock().unwrap().take();
        if let Some(hook) = hook {
            hook().await;
        }
        self.inner.read(content, range).await
    }

    fn reader_bytes(&self) -> usize {
        self.inner.reader_bytes()
    }

    async fn remove(&self, name: &ObjectName) -> Result<(), ContentError> {
        self.inner.remove(name).await
    }

    async fn list(&self, after: Option<&ObjectName>, limit: usize) -> Result<Vec<ListedObject>, ContentError> {
        self.inner.list(after, limit).await
    }

    async fn probe(&self) -> Result<(), ContentError> {
        self.inner.probe().await
    }
}

struct Harness {
    fixture: Fixture,
    contents: Arc<HookedContents>,
    organization: OrganizationRef,
}

impl Harness {
    async fn new() -> Arc<Self> {
        let fixture = Fixture::open(async |clock| OpenedStore::new(Arc::new(MemoryStore::new(clock)))).await;
        let organization = OrganizationRef { id: fixture.home, slug: "home".into() };
        let contents = HookedContents { inner: BucketStore::in_memory(), before_read: Mutex::default() };
        Arc::new(Self { fixture, contents: Arc::new(contents), organization })
    }

    fn attribution(&self) -> Attribution {
        let origin = command_origin(&*self.fixture.entropy, self.fixture.now(), "test");
        let actor = kernel::Actor { kind: kernel::ActorKind::System, id: None, name: OPERATOR.into() };
        Attribution { actor, origin, actor_revision: None }
    }

    fn context<'a>(&'a self, attribution: &'a Attribution) -> WriteContext<'a> {
        let (organization, entropy) = (&self.organization, &*self.fixture.entropy);
        WriteContext { organization, attribution, reason: None, entropy }
    }

    /// Uploads a file. Bytes that are stored already are stored as another object, as after a removal of the first.
    async fn upload(&self, bytes: &'static [u8]) -> Stored<EvidenceAttachment> {
        let fresh = || self.fixture.entropy.ulid(self.fixture.clock.now());
        let mut received = self.contents.begin_upload(self.organization.id, fresh()).await.unwrap();
        received.write(Bytes::from_static(bytes)).await.unwrap();
        let content = received.finish().await.unwrap().store(fresh()).await.unwrap();
        let before = self.content(&content.key.hash.to_string()).await;
        let new = NewAttachment {
            file_name: FileName::parse("report.csv").unwrap(),
            content_type: ContentType::parse("text/csv").unwrap(),
            content,
        };
        let (attribution, timestamp) = (self.attribution(), self.fixture.store.begin_write());
        let account = Id::new(Ulid(1));
        let context = self.context(&attribution);
        let (changeset, attachment) = upload(&context, timestamp, account, &new, before.as_ref());
        self.fixture.store.commit(changeset).await.unwrap();
        attachment
    }

    /// Removes an attachment and its bytes, as the sweep does.
    async fn remove(&self, attachment: &Stored<EvidenceAttachment>) {
        let content = self.content(attachment.record.sha256.as_str()).await;
        let (attribution, timestamp) = (self.attribution(), self.fixture.store.begin_write());
        let removal = remove(&self.context(&attribution), timestamp, attachment, content.as_ref(), true).unwrap();
        self.fixture.store.commit(removal.changeset).await.unwrap();
        self.contents.remove(&removal.object.unwrap().into()).await.unwrap();
    }

    async fn content(&self, sha256: &str) -> Option<Stored<EvidenceContent>> {
        self.verifier().content(sha256).await.unwrap()
    }

    fn verifier(&self) -> EvidenceVerifier {
        EvidenceVerifier {
            store: Arc::clone(&self.fixture.store),
            contents: Arc::clone(&self.contents) as _,
            organization: self.organization.id,
            result: VerifiedEvidence::default(),
        }
    }

    async fn verify(&self) -> VerifiedEvidence {
        self.verifier().verify_all(&|_| ()).await.unwrap()
    }
}

#[tokio::test]
async fn what_a_server_removes_or_stores_meanwhile_is_no_difference() {
    let harness = Harness::new().await;
    let (removed, replaced) = (harness.upload(b"removed").await, harness.upload(b"replaced").await);
    harness.upload(b"kept").await;
    assert_eq!(harness.verify().await.differences, []);
    let server = Arc::clone(&harness);
    let hook: Hook = Box::new(move || {
        Box::pin(async move {
            server.remove(&removed).await;
            server.remove(&replaced).await;
            server.upload(b"replaced").await;
            server.upload(b"new").await;
        })
    });
    *harness.contents.before_read.lock().unwrap() = Some(hook);
    let verified = harness.verify().await;
    assert_eq!(verified.differences, []);
    // The contents were listed before, the attachments after it.
    assert_eq!((verified.objects, verified.attachments, verified.entries), (2, 5, 7));
}

#[tokio::test]
async fn bytes_that_are_gone_without_a_server_having_removed_them_are_named() {
    let harness = Harness::new().await;
    let attachment = harness.upload(b"a report").await;
    let object = harness.content(attachment.record.sha256.as_str()).await.unwrap().record.object().unwrap();
    harness.contents.remove(&object.key.into()).await.unwrap();
    let differences = harness.verify().await.differences;
    assert_eq!(differences.len(), 1);
    assert_eq!(differences[0].message, format!("its bytes are missing ({} \"report.csv\")", attachment.meta.id));
}

#[tokio::test]
async fn an_attachment_that_was_changed_while_it_was_compared_is_compared_again() {
    let harness = Harness::new().await;
    let before = harness.upload(b"a report").await;
    harness.remove(&before).await;
    // The record as a page had it before the removal, whose entry is in the log.
    let mut verifier = harness.verifier();
    verifier.verify_record(&before).await.unwrap();
    assert_eq!((verifier.result.differences, verifier.result.entries), (vec![], 2));
}

#[tokio::test]
async fn only_the_first_differences_are_described_and_all_are_counted() {
    let harness = Harness::new().await;
    let mut verifier = harness.verifier();
    for number in 0..=MAX_DESCRIBED {
        verifier.differs(number, "it is missing");
    }
    assert_eq!((verifier.result.differing, verifier.result.differences.len()), (1001, MAX_DESCRIBED));
}
