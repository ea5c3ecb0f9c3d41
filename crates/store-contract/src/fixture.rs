//! A fresh store, and the few steps that most tests begin with.

use std::{any::Any, sync::Arc};

use audit::{AuditFilter, Recorded};
use kernel::{
    Batches, Changeset, Clock, CommitError, Entropy, Entry, Id, IdempotencyKey, Order, Organization, OrganizationId,
    Page, PageRequest, Reader, Resource, StoreError, Stored, StreamRequest, Timestamp,
};
use store::DynStore;

use crate::{TestClock, TestEntropy, samples};

/// A store that was opened for one test.
pub struct Opened {
    pub(crate) store: Arc<DynStore>,
    pub(crate) kept: Option<Box<dyn Any + Send + Sync>>,
}

impl Opened {
    /// Nothing but the store.
    #[must_use]
    pub fn new(store: Arc<DynStore>) -> Self {
        Self { store, kept: None }
    }

    /// The store, and what must live as long as it does: its folder, say. It is dropped after the store.
    #[must_use]
    pub fn keeping(self, kept: impl Any + Send + Sync) -> Self {
        Self { kept: Some(Box::new(kept)), ..self }
    }
}

/// A fresh store with its clock, its chance and one organization.
pub struct Fixture {
    /// The store.
    pub store: Arc<DynStore>,
    /// What the store's writes are stamped by.
    pub clock: Arc<TestClock>,
    /// Where identifiers come from.
    pub entropy: Arc<TestEntropy>,
    /// An organization that the store holds.
    pub home: OrganizationId,
    _kept: Option<Box<dyn Any + Send + Sync>>,
}

impl Fixture {
    /// Opens a fresh store and creates an organization in it.
    pub async fn open(open: impl AsyncFnOnce(Arc<dyn Clock>) -> Opened) -> Self {
        let clock = Arc::new(TestClock::default());
        let Opened { store, kept } = open(Arc::clone(&clock) as Arc<dyn Clock>).await;
        let mut fixture =
            Self { store, clock, entropy: Arc::default(), home: Organization::installation(), _kept: kept };
        fixture.home = fixture.organization("home").await;
        fixture
    }

    /// Creates an organization.
    pub async fn organization(&self, slug: &str) -> OrganizationId {
        let stamp = self.store.begin();
        let id = self.id_at(stamp.at());
        let stored = Stored::new(id, id, stamp.at(), samples::organization(slug));
        let mut changeset = samples::changeset(&*self.entropy, stamp, id);
        changeset.create(&stored);
        self.store.commit(changeset).await.unwrap();
        id
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// An identifier that holds the present moment.
    #[must_use]
    pub fn id<R>(&self) -> Id<R> {
        self.id_at(self.now())
    }

    fn id_at<R>(&self, at: Timestamp) -> Id<R> {
        Id::new(self.entropy.ulid(at))
    }

    /// A changeset of the organization with nothing in it but the entry of the call.
    #[must_use]
    pub fn changeset(&self, organization: OrganizationId) -> Changeset {
        samples::changeset(&*self.entropy, self.store.begin(), organization)
    }

    /// A record that is not stored yet, with the changeset that will create it.
    #[must_use]
    pub fn creation<R: Resource>(&self, organization: OrganizationId, record: R) -> (Changeset, Stored<R>) {
        let mut changeset = self.changeset(organization);
        let stored = self.fresh(&changeset, record);
        changeset.create(&stored);
        (changeset, stored)
    }

    /// A record that is not stored yet, of the organization and moment of the changeset.
    #[must_use]
    pub fn fresh<R: Resource>(&self, changeset: &Changeset, record: R) -> Stored<R> {
        Stored::new(changeset.organization(), self.id_at(changeset.at()), changeset.at(), record)
    }

    /// The changeset that gives a record other fields, and the record as it is then.
    #[must_use]
    pub fn revision<R: Resource>(&self, before: &Stored<R>, record: R) -> (Changeset, Stored<R>) {
        let mut changeset = self.changeset(before.meta.organization);
        let after = before.changed(changeset.at(), record);
        changeset.update(before, &after);
        (changeset, after)
    }

    /// Creates a record.
    pub async fn create<R: Resource>(&self, organization: OrganizationId, record: R) -> Stored<R> {
        let (changeset, stored) = self.creation(organization, record);
        self.commit(changeset).await.unwrap();
        stored
    }

    /// Gives a record other fields.
    pub async fn revise<R: Resource>(&self, before: &Stored<R>, record: R) -> Stored<R> {
        let (changeset, after) = self.revision(before, record);
        self.commit(changeset).await.unwrap();
        after
    }

    /// Commits.
    pub async fn commit(&self, changeset: Changeset) -> Result<(), CommitError> {
        self.store.commit(changeset).await
    }

    /// The record as the store holds it.
    pub async fn get<R: Resource>(&self, organization: OrganizationId, id: Id<R>) -> Option<Stored<R>>
    where
        DynStore: Reader<R>,
    {
        Reader::<R>::get(&*self.store, organization, id).await.unwrap()
    }

    /// A page of the organization's records.
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

    /// All pages of the organization's records, from the place where `page` starts.
    pub async fn walk<R: Resource>(
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
            assert!(listed.items.len() <= page.limit.get(), "a page holds more than was asked for");
            all.extend(listed.items);
            if listed.next.is_none() {
                return all;
            }
            assert_ne!(listed.next, page.after, "a walk does not get on");
            page.after = listed.next;
        }
    }

    /// All that a stream gives of what `page` begins to list.
    pub async fn stream<R: Resource>(
        &self,
        organization: OrganizationId,
        filter: &R::Filter,
        page: PageRequest,
    ) -> Vec<Stored<R>>
    where
        DynStore: Reader<R>,
    {
        let request = StreamRequest { order: page.order, window: page.window };
        let streamed = Reader::<R>::stream(&*self.store, organization, filter, &request).await.unwrap();
        rest(streamed.batches).await.unwrap()
    }

    /// All that a stream gives of the entries that `page` begins to list.
    pub async fn stream_entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        page: PageRequest,
    ) -> Vec<Recorded> {
        let request = StreamRequest { order: page.order, window: page.window };
        let streamed = self.store.stream_entries(organization, filter, &request).await.unwrap();
        rest(streamed.batches).await.unwrap()
    }

    /// Puts an entry on record.
    pub async fn append(&self, entry: Entry) -> Result<(), StoreError> {
        self.store.append(entry, self.store.begin_entry()).await
    }

    /// All entries of the organization's log, oldest first.
    pub async fn log(&self, organization: OrganizationId) -> Vec<Recorded> {
        self.entries(
            organization,
            &AuditFilter::default(),
            PageRequest { order: Order::Changed, ..PageRequest::default() },
        )
        .await
    }

    /// All pages of the organization's entries that match, from the place where `page` starts.
    pub async fn entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        mut page: PageRequest,
    ) -> Vec<Recorded> {
        let mut all = Vec::new();
        loop {
            let listed = self.store.entries(organization, filter, &page).await.unwrap();
            assert!(listed.items.len() <= page.limit.get(), "a page holds more than was asked for");
            all.extend(listed.items);
            if listed.next.is_none() {
                return all;
            }
            assert_ne!(listed.next, page.after, "a walk does not get on");
            page.after = listed.next;
        }
    }

    /// How many events wait in the outbox.
    pub async fn pending(&self) -> u64 {
        self.store.pending_events().await.unwrap()
    }

    /// Whether the key has an answer at this moment.
    pub async fn is_answered(&self, key: &IdempotencyKey) -> bool {
        self.store.answer(key, self.now()).await.unwrap().is_some()
    }
}

/// What is left of a stream.
pub(crate) async fn rest<T>(mut batches: Box<dyn Batches<T>>) -> Result<Vec<T>, StoreError> {
    let mut all = Vec::new();
    while let Some(batch) = batches.next().await? {
        assert!(!batch.is_empty(), "a batch is empty");
        all.extend(batch);
    }
    Ok(all)
}
