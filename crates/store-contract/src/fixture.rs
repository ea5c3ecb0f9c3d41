//! A new store for one test, with shorthands for common steps.

use std::{any::Any, sync::Arc};

use audit::{AuditFilter, Checkpoint, StoredEntry};
use kernel::{
    Changeset, Clock, CommitError, Entropy, Entry, Id, IdempotencyKey, Order, OrganizationId, Page, PageRequest,
    Reader, RecordStream, Resource, StoreError, Stored, StreamRequest, Timestamp,
};
use store::DynStore;

use crate::{OldEntries, TestClock, TestEntropy, TestLogKey, samples};

/// A store that was opened for one test.
pub struct OpenedStore {
    pub(crate) store: Arc<DynStore>,
    pub(crate) guard: Option<Box<dyn Any + Send + Sync>>,
    old_entries: Option<Arc<dyn OldEntries>>,
}

impl OpenedStore {
    /// Wraps a store that needs no guard.
    #[must_use]
    pub fn new(store: Arc<DynStore>) -> Self {
        Self { store, guard: None, old_entries: None }
    }

    /// Adds a guard that must outlive the store, such as its temporary folder. It is dropped after the store.
    #[must_use]
    pub fn with_guard(self, guard: impl Any + Send + Sync) -> Self {
        Self { guard: Some(Box::new(guard)), ..self }
    }

    /// Adds what inserts entries of the old form, which the contract suite needs.
    #[must_use]
    pub fn with_old_entries(self, old_entries: Arc<dyn OldEntries>) -> Self {
        Self { old_entries: Some(old_entries), ..self }
    }
}

/// A new store with its clock, its entropy and one organization.
pub struct Fixture {
    /// The store under test.
    pub store: Arc<DynStore>,
    /// The clock that gives the store's writes their timestamps.
    pub clock: Arc<TestClock>,
    /// The source of identifiers.
    pub entropy: Arc<TestEntropy>,
    /// The organization that was created with the fixture.
    pub home: OrganizationId,
    old_entries: Option<Arc<dyn OldEntries>>,
    _guard: Option<Box<dyn Any + Send + Sync>>,
}

impl Fixture {
    /// Opens a new store and creates the organization [`home`](Self::home) in it.
    pub async fn open(open: impl AsyncFnOnce(Arc<dyn Clock>) -> OpenedStore) -> Self {
        let clock = Arc::new(TestClock::default());
        let OpenedStore { store, guard, old_entries } = open(Arc::clone(&clock) as Arc<dyn Clock>).await;
        store.authenticate_rows(Arc::new(TestLogKey::DEFAULT));
        let mut fixture = Self {
            store,
            clock,
            entropy: Arc::default(),
            home: OrganizationId::INSTALLATION,
            old_entries,
            _guard: guard,
        };
        fixture.home = fixture.create_organization("home").await;
        fixture
    }

    /// Creates an organization with this slug.
    pub async fn create_organization(&self, slug: &str) -> OrganizationId {
        let timestamp = self.store.begin_write();
        let id = self.new_id_at(timestamp.at());
        let stored = Stored::new(id, id, timestamp.at(), samples::organization(slug));
        let mut changeset = samples::changeset(&*self.entropy, timestamp, id);
        changeset.create(&stored);
        self.store.commit(changeset).await.unwrap();
        id
    }

    /// The current time of the fixture's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A new identifier with the current time.
    #[must_use]
    pub fn new_id<R>(&self) -> Id<R> {
        self.new_id_at(self.now())
    }

    fn new_id_at<R>(&self, at: Timestamp) -> Id<R> {
        Id::new(self.entropy.ulid(at))
    }

    /// A changeset of the organization with no write, only the audit entry of the request.
    #[must_use]
    pub fn changeset(&self, organization: OrganizationId) -> Changeset {
        samples::changeset(&*self.entropy, self.store.begin_write(), organization)
    }

    /// A changeset of the organization that is to change these records, with no write yet.
    #[must_use]
    pub fn changeset_after<'r, R: Resource>(
        &self,
        organization: OrganizationId,
        replaced: impl IntoIterator<Item = &'r Stored<R>>,
    ) -> Changeset {
        samples::changeset(&*self.entropy, self.store.begin_write().after(replaced), organization)
    }

    /// A new record that is not stored yet, and the changeset that creates it.
    #[must_use]
    pub fn create_changeset<R: Resource>(&self, organization: OrganizationId, record: R) -> (Changeset, Stored<R>) {
        let mut changeset = self.changeset(organization);
        let stored = self.new_record(&changeset, record);
        changeset.create(&stored);
        (changeset, stored)
    }

    /// A new record that is not stored yet, with the organization and timestamp of the changeset.
    #[must_use]
    pub fn new_record<R: Resource>(&self, changeset: &Changeset, record: R) -> Stored<R> {
        Stored::new(changeset.organization(), self.new_id_at(changeset.at()), changeset.at(), record)
    }

    /// The changeset that replaces the fields of a record, and the record after it.
    #[must_use]
    pub fn update_changeset<R: Resource>(&self, before: &Stored<R>, record: R) -> (Changeset, Stored<R>) {
        let mut changeset = self.changeset_after(before.meta.organization, [before]);
        let after = before.changed(changeset.at(), record);
        changeset.update(before, &after);
        (changeset, after)
    }

    /// Stores a new record and returns it.
    pub async fn create<R: Resource>(&self, organization: OrganizationId, record: R) -> Stored<R> {
        let (changeset, stored) = self.create_changeset(organization, record);
        self.commit(changeset).await.unwrap();
        stored
    }

    /// Replaces the fields of a record and returns its new revision.
    pub async fn update<R: Resource>(&self, before: &Stored<R>, record: R) -> Stored<R> {
        let (changeset, after) = self.update_changeset(before, record);
        self.commit(changeset).await.unwrap();
        after
    }

    /// Commits a changeset.
    pub async fn commit(&self, changeset: Changeset) -> Result<(), CommitError> {
        self.store.commit(changeset).await
    }

    /// The stored record with this id, or `None`.
    pub async fn get<R: Resource>(&self, organization: OrganizationId, id: Id<R>) -> Option<Stored<R>>
    where
        DynStore: Reader<R>,
    {
        Reader::<R>::get(&*self.store, organization, id).await.unwrap()
    }

    /// Returns one page of the organization's records.
    pub async fn list<R: Resource>(
        &self,
        organization: OrganizationId,
        filter: &R::Filter,
        page: &PageRequest,
    ) -> Page<Stored<R>>
    where
        DynStore: Reader<R>,
    {
        Reader::<R>::list(&*self.store, organization, filter, page).await.unwrap()
    }

    /// Returns the records of all pages, beginning at the position of `page`.
    pub async fn list_all<R: Resource>(
        &self,
        organization: OrganizationId,
        filter: &R::Filter,
        mut page: PageRequest,
    ) -> Vec<Stored<R>>
    where
        DynStore: Reader<R>,
    {
        let mut all = Vec::new();
        loop {
            let listed = self.list::<R>(organization, filter, &page).await;
            assert!(listed.items.len() <= page.limit.get(), "a page exceeds the requested limit");
            all.extend(listed.items);
            if listed.next.is_none() {
                return all;
            }
            assert_ne!(listed.next, page.after, "the next page begins at the same position");
            page.after = listed.next;
        }
    }

    /// Returns all records of the stream that corresponds to the list request `page`.
    pub async fn stream<R: Resource>(
        &self,
        organization: OrganizationId,
        filter: &R::Filter,
        page: PageRequest,
    ) -> Vec<Stored<R>>
    where
        DynStore: Reader<R>,
    {
        let request = StreamRequest { order: page.order, time_range: page.time_range };
        let streamed = Reader::<R>::stream(&*self.store, organization, filter, &request).await.unwrap();
        drain(streamed.batches).await.unwrap()
    }

    /// Returns all entries of the stream that corresponds to the list request `page`.
    pub async fn stream_entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        page: PageRequest,
    ) -> Vec<StoredEntry> {
        let request = StreamRequest { order: page.order, time_range: page.time_range };
        let streamed = self.store.stream_entries(organization, filter, &request).await.unwrap();
        drain(streamed.batches).await.unwrap()
    }

    /// Appends an audit entry.
    pub async fn append(&self, entry: Entry) -> Result<(), StoreError> {
        self.store.append(entry, self.store.begin_entry()).await
    }

    /// Inserts entries of the old form of the audit log, as [`OldEntries::insert`] does.
    pub async fn insert_old_entries(&self, entries: &[StoredEntry], checkpoints: &[Checkpoint]) {
        let old_entries = self.old_entries.as_ref().expect("the store was opened without OldEntries");
        old_entries.insert(entries, checkpoints).await;
    }

    /// Returns all entries of the organization's audit log, oldest first.
    pub async fn audit_log(&self, organization: OrganizationId) -> Vec<StoredEntry> {
        self.list_all_entries(
            organization,
            &AuditFilter::default(),
            PageRequest { order: Order::Changed, ..PageRequest::default() },
        )
        .await
    }

    /// Returns the matching audit entries of all pages, beginning at the position of `page`.
    pub async fn list_all_entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        mut page: PageRequest,
    ) -> Vec<StoredEntry> {
        let mut all = Vec::new();
        loop {
            let listed = self.store.entries(organization, filter, &page).await.unwrap();
            assert!(listed.items.len() <= page.limit.get(), "a page exceeds the requested limit");
            all.extend(listed.items);
            if listed.next.is_none() {
                return all;
            }
            assert_ne!(listed.next, page.after, "the next page begins at the same position");
            page.after = listed.next;
        }
    }

    /// The number of pending events in the outbox.
    pub async fn pending_events(&self) -> u64 {
        self.store.pending_events().await.unwrap()
    }

    /// Whether a response is stored for the idempotency key now.
    pub async fn has_stored_response(&self, key: &IdempotencyKey) -> bool {
        self.store.stored_response(key, self.now()).await.unwrap().is_some()
    }
}

/// Reads a stream to its end.
pub(crate) async fn drain<T>(mut batches: Box<dyn RecordStream<T>>) -> Result<Vec<T>, StoreError> {
    let mut all = Vec::new();
    while let Some(batch) = batches.next().await? {
        assert!(!batch.is_empty(), "a stream returned an empty batch");
        all.extend(batch);
    }
    Ok(all)
}
