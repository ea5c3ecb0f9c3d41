//! Tests of the sweeper, over a store of attachments that fails where a test wants it to.

mod fake_contents;
mod unnamed_objects;

use std::sync::{
    Mutex, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use evidence::{ContentHash, ContentType, FileName, NewAttachment, StoredContent, upload};
use kernel::{Changeset, Ulid};
use store_contract::{Fixture, OpenedStore};
use store_memory::{Call, Interceptor, MemoryStore};

use fake_contents::FakeContents;

use super::*;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// A hook that runs before commits, and may let them fail.
#[derive(Default)]
struct CommitHook {
    hook: OnceLock<Box<dyn Fn() -> Result<(), StoreError> + Send + Sync>>,
}

#[async_trait]
impl Interceptor for CommitHook {
    async fn before(&self, call: Call) -> Result<(), StoreError> {
        match (call, self.hook.get()) {
            (Call::Commit, Some(hook)) => hook(),
            _ => Ok(()),
        }
    }

    fn committed(&self, _: &Changeset) {}
}

struct Harness {
    fixture: Fixture,
    contents: Arc<FakeContents>,
    commits: Arc<CommitHook>,
    organization: OrganizationRef,
}

impl Harness {
    async fn new() -> Self {
        let commits = Arc::new(CommitHook::default());
        let interceptor = Arc::clone(&commits);
        let open = async |clock| OpenedStore::new(Arc::new(MemoryStore::new(clock).with_interceptor(interceptor)));
        let fixture = Fixture::open(open).await;
        let organization = OrganizationRef { id: fixture.home, slug: "home".into() };
        Self { fixture, contents: Arc::default(), commits, organization }
    }

    fn sweeper(&self) -> AttachmentSweeper {
        AttachmentSweeper {
            store: Arc::clone(&self.fixture.store),
            contents: Arc::clone(&self.contents) as _,
            clock: self.fixture.clock.clone(),
            entropy: self.fixture.entropy.clone(),
            owner: "test".to_owned(),
            listing: Listing::After(None),
            pending: PendingRemovals::default(),
        }
    }

    async fn sweep(&self) -> SweepSummary {
        self.sweeper().run_once().await.unwrap()
    }

    /// Uploads bytes with this hash as the API does.
    async fn upload(&self, hash: u8) -> Stored<EvidenceAttachment> {
        let hash = ContentHash([hash; 32]);
        let store = &*self.fixture.store;
        let text = hash.to_string();
        let found = Reader::<EvidenceContent>::get_by_keys(store, self.organization.id, &[&text]).await.unwrap();
        let content = found.first().and_then(|content| content.record.object()).unwrap_or_else(|| {
            let generation = self.fixture.entropy.ulid(self.fixture.now());
            let key = ContentKey { organization: self.organization.id, hash, generation };
            self.contents.put(key.into(), self.fixture.now());
            StoredContent { key, size: 3 }
        });
        let new = NewAttachment {
            file_name: FileName::parse("report.csv").unwrap(),
            content_type: ContentType::parse("text/csv").unwrap(),
            content,
        };
        let sweeper = self.sweeper();
        let attribution = sweeper.attribution();
        let context = sweeper.context(&self.organization, &attribution);
        let uploaded_by = Id::new(Ulid(1));
        let (changeset, attachment) = upload(&context, store.begin_write(), uploaded_by, &new, found.first());
        store.commit(changeset).await.unwrap();
        attachment
    }

    async fn link(&self, attachment: &Stored<EvidenceAttachment>) {
        let record = EvidenceAttachment {
            status: AttachmentStatus::Linked,
            claim_id: Some(Id::new(Ulid(9))),
            ..attachment.record.clone()
        };
        self.fixture.update(attachment, record).await;
    }

    /// The names of objects in the entries with this action.
    async fn recorded(&self, action: &Action) -> Vec<Vec<String>> {
        let log = self.fixture.audit_log(self.organization.id).await;
        let with_action = log.iter().map(|stored| &stored.entry).filter(|entry| entry.action == *action);
        let names = with_action.map(|entry| match (&entry.changes[0].before, &entry.changes[0].after) {
            (FieldValue::Texts(names), FieldValue::Null) | (FieldValue::Null, FieldValue::Texts(names)) => {
                names.clone()
            }
            other => panic!("{other:?}"),
        });
        names.collect()
    }

    fn unnamed(&self, generation: u128) -> ContentKey {
        ContentKey { organization: self.organization.id, hash: ContentHash([4; 32]), generation: Ulid(generation) }
    }

    async fn status(&self, attachment: &Stored<EvidenceAttachment>) -> AttachmentStatus {
        let found = self.fixture.get::<EvidenceAttachment>(self.organization.id, attachment.meta.id).await;
        found.unwrap().record.status
    }

    /// Every record that names an object names one that is stored, and the bytes of every attachment that is not removed
    /// are named.
    async fn assert_nothing_is_missing(&self) {
        let page = PageRequest { limit: PageLimit::clamped(200), ..PageRequest::default() };
        let contents = self.fixture.list::<EvidenceContent>(self.organization.id, &Filter::default(), &page).await;
        let mut named = BTreeSet::new();
        for content in contents.items {
            let EvidenceContent { key, object_key, .. } = content.record;
            if let Some(object) = object_key {
                assert!(self.contents.has(object.as_str()), "{object} is missing");
                named.insert(key);
            }
        }
        let attachments =
            self.fixture.list::<EvidenceAttachment>(self.organization.id, &Filter::default(), &page).await;
        for attachment in attachments.items {
            let EvidenceAttachment { status, sha256, .. } = attachment.record;
            assert!(status == AttachmentStatus::Removed || named.contains(&sha256), "{sha256} has no object");
        }
    }
}

#[tokio::test]
async fn attachments_that_are_not_linked_within_a_day_are_removed_with_their_bytes() {
    let harness = Harness::new().await;
    let (linked, late) = (harness.upload(1).await, harness.upload(2).await);
    harness.link(&linked).await;
    harness.fixture.clock.advance(HOUR);
    let young = harness.upload(3).await;
    harness.fixture.clock.advance(23 * HOUR);
    assert_eq!(harness.sweep().await, SweepSummary::default(), "a day has not passed yet");
    harness.fixture.clock.tick();
    assert_eq!(harness.sweep().await, SweepSummary { attachments: 1, ..SweepSummary::default() });
    assert_eq!(harness.status(&late).await, AttachmentStatus::Removed);
    assert_eq!(harness.status(&linked).await, AttachmentStatus::Linked);
    assert_eq!(harness.status(&young).await, AttachmentStatus::Unlinked);
    assert_eq!(harness.contents.names().len(), 2);
    harness.assert_nothing_is_missing().await;
    assert_eq!(harness.sweep().await, SweepSummary::default());
}

#[tokio::test]
async fn bytes_are_removed_only_with_their_last_attachment_and_can_be_uploaded_again() {
    let harness = Harness::new().await;
    let linked = harness.upload(1).await;
    harness.upload(1).await;
    harness.link(&linked).await;
    for _ in 0..3 {
        harness.upload(2).await;
    }
    harness.fixture.clock.advance(25 * HOUR);
    assert_eq!(harness.sweep().await.attachments, 4);
    harness.assert_nothing_is_missing().await;
    let left = harness.contents.names();
    assert_eq!(left.len(), 1, "{left:?}");
    let again = harness.upload(2).await;
    harness.link(&again).await;
    harness.fixture.clock.advance(100 * HOUR);
    assert_eq!(harness.sweep().await, SweepSummary::default());
    assert_eq!(harness.contents.names().len(), 2);
    harness.assert_nothing_is_missing().await;
}

#[tokio::test]
async fn a_sweeper_without_the_lease_removes_nothing() {
    let harness = Harness::new().await;
    harness.upload(1).await;
    harness.fixture.clock.advance(25 * HOUR);
    let (store, now) = (&harness.fixture.store, harness.fixture.now());
    assert!(store.acquire_lease(Lease::AttachmentSweep, "another", now, LEASE_DURATION).await.unwrap());
    assert_eq!(harness.sweep().await, SweepSummary::default());
    harness.fixture.clock.advance(LEASE_DURATION);
    assert_eq!(harness.sweep().await.attachments, 1);
}

#[tokio::test]
async fn a_sweep_that_fails_at_any_step_leaves_no_record_without_bytes_and_the_next_one_completes_it() {
    // The failure stands for a kill, too: nothing after it happens.
    for failing_content_call in 0..8 {
        for failing_commit in 0..6 {
            let harness = Harness::new().await;
            harness.upload(1).await;
            harness.upload(1).await;
            harness.upload(2).await;
            let linked = harness.upload(3).await;
            harness.link(&linked).await;
            let stray =
                ContentKey { organization: harness.organization.id, hash: ContentHash([1; 32]), generation: Ulid(1) };
            harness.contents.put(stray.into(), harness.fixture.now());
            harness.contents.put(ObjectName::Upload(stray.organization, Ulid(2)), harness.fixture.now());
            harness.fixture.clock.advance(50 * HOUR);
            harness.contents.fail_after(failing_content_call);
            let commits = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&commits);
            let fail = move || match counted.fetch_add(1, Ordering::SeqCst) + 1 {
                commit if commit == failing_commit => Err(StoreError::Unavailable("the test wants it so".into())),
                _ => Ok(()),
            };
            assert!(harness.commits.hook.set(Box::new(fail)).is_ok());
            let _ = harness.sweeper().run_once().await;
            harness.assert_nothing_is_missing().await;
            harness.contents.fail_after(0);
            commits.store(failing_commit, Ordering::SeqCst);
            for _ in 0..3 {
                harness.sweep().await;
                harness.assert_nothing_is_missing().await;
            }
            let left = harness.contents.names();
            assert_eq!(left.len(), 1, "{failing_content_call} {failing_commit}: {left:?}");
            assert!(left[0].contains(linked.record.sha256.as_str()));
        }
    }
}

#[tokio::test]
async fn an_upload_of_the_same_bytes_during_their_removal_keeps_them() {
    let harness = Harness::new().await;
    let old = harness.upload(1).await;
    harness.fixture.clock.advance(25 * HOUR);
    // The write of an upload of the same bytes is committed just before that of the removal.
    let store = Arc::clone(&harness.fixture.store);
    let keys = [old.record.sha256.as_str()];
    let found = Reader::<EvidenceContent>::get_by_keys(&*store, harness.organization.id, &keys).await.unwrap();
    let content = &found[0];
    let sweeper = harness.sweeper();
    let attribution = sweeper.attribution();
    let context = sweeper.context(&harness.organization, &attribution);
    let new = NewAttachment {
        file_name: old.record.file_name.clone(),
        content_type: old.record.content_type.clone(),
        content: content.record.object().unwrap(),
    };
    let (changeset, young) = upload(&context, store.begin_write(), Id::new(Ulid(1)), &new, Some(content));
    let pending = Mutex::new(Some(changeset));
    let race = move || {
        let changeset = pending.lock().unwrap().take();
        if let Some(changeset) = changeset {
            let store = Arc::clone(&store);
            // Another thread, because the interceptor can't wait for the store that calls it.
            let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
            std::thread::spawn(move || runtime().block_on(store.commit(changeset)).unwrap()).join().unwrap();
        }
        Ok(())
    };
    assert!(harness.commits.hook.set(Box::new(race)).is_ok());
    assert_eq!(harness.sweep().await.attachments, 1);
    assert_eq!(harness.status(&old).await, AttachmentStatus::Removed);
    assert_eq!(harness.status(&young).await, AttachmentStatus::Unlinked);
    assert_eq!(harness.contents.names().len(), 1);
    harness.assert_nothing_is_missing().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_sweepers_at_once_remove_each_attachment_once_and_no_bytes_that_are_needed() {
    let harness = Harness::new().await;
    for number in 0..20 {
        harness.upload(number % 5).await;
    }
    let linked = harness.upload(3).await;
    harness.link(&linked).await;
    harness.fixture.clock.advance(25 * HOUR);
    let now = harness.fixture.now();
    // Without the lease, which may expire while its owner still sweeps.
    let (one, other) = (harness.sweeper(), harness.sweeper());
    let (one, other) = tokio::join!(
        tokio::spawn(async move { one.remove_unlinked(now).await.unwrap() }),
        tokio::spawn(async move { other.remove_unlinked(now).await.unwrap() }),
    );
    assert_eq!(one.unwrap().count + other.unwrap().count, 20);
    harness.assert_nothing_is_missing().await;
    let left = harness.contents.names();
    assert_eq!(left.len(), 1, "{left:?}");
}
