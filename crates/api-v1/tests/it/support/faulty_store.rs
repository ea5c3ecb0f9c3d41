//! A store decorator that records what is committed and fails where a test injects a fault.

mod delivery_queue;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use audit::{AuditFilter, AuditLog, Checkpoint, Head, SealedBatch, StoredEntry, Unsealed, UnsealedStats};
use auth::{Account, AccountId, Accounts, EncryptedSigningKey, KeyChange, Keyring, SigningKeys};
use futures_util::future::BoxFuture;
use kernel::{
    AuditTrail, Changeset, CommitError, Entry, Fingerprint, Id, IdempotencyKey, Ledger, Organization, OrganizationId,
    OutboxEvent, Page, PageRequest, Reader, RecordStream, Resource, Revision, Slug, SnapshotStream, StoreError, Stored,
    StoredResponse, StreamRequest, Timestamp, WriteTimestamp,
};
use store::{Directory, DynStore, Lease, Maintenance, MasterKeyCheck};

/// The points at which a fault or a hook can be injected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum FaultPoint {
    Read,
    Commit,
    Append,
    Revision,
    ClientId,
    /// The look-up of a stored response by its idempotency key.
    StoredResponse,
    /// A batch of a stream.
    Batch,
}

/// The kind of failure.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    Unavailable,
    Corrupt,
    Panic,
}

type Hook = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

/// A store that records what is committed and can be made to fail.
pub(crate) struct FaultyStore {
    inner: Arc<DynStore>,
    events: Mutex<Vec<OutboxEvent>>,
    injector: Arc<FaultInjector>,
    read_count: AtomicU64,
    write_count: AtomicU64,
}

/// The hooks and faults that are injected at each point.
#[derive(Default)]
struct FaultInjector {
    hooks: Mutex<HashMap<FaultPoint, Hook>>,
    faults: Mutex<HashMap<FaultPoint, Fault>>,
}

impl FaultInjector {
    async fn inject(&self, point: FaultPoint) -> Result<(), StoreError> {
        // Lets concurrent calls overtake each other.
        tokio::task::yield_now().await;
        let hook = self.hooks.lock().unwrap().remove(&point);
        if let Some(hook) = hook {
            hook().await;
        }
        let fault = self.faults.lock().unwrap().get(&point).copied();
        match fault {
            None => Ok(()),
            Some(Fault::Unavailable) => Err(StoreError::Unavailable("SELECT secret FROM /var/lib".into())),
            Some(Fault::Corrupt) => Err(StoreError::Corrupt("SELECT secret FROM /var/lib".into())),
            Some(Fault::Panic) => panic!("SELECT secret FROM /var/lib"),
        }
    }
}

impl FaultyStore {
    pub(crate) fn new(inner: Arc<DynStore>) -> Self {
        Self {
            inner,
            events: Mutex::default(),
            injector: Arc::default(),
            read_count: AtomicU64::default(),
            write_count: AtomicU64::default(),
        }
    }

    /// Takes the events that were committed since the last call.
    pub(crate) fn take_events(&self) -> Vec<OutboxEvent> {
        std::mem::take(&mut self.events.lock().unwrap())
    }

    /// Takes the number of records that were committed since the last call.
    pub(crate) fn take_write_count(&self) -> u64 {
        self.write_count.swap(0, Ordering::SeqCst)
    }

    /// Runs the hook once, before the next call of the store reaches this point.
    pub(crate) fn before_next(
        &self,
        point: FaultPoint,
        hook: impl FnOnce() -> BoxFuture<'static, ()> + Send + 'static,
    ) {
        self.injector.hooks.lock().unwrap().insert(point, Box::new(hook));
    }

    /// Makes every call that reaches this point fail, until [`Watched::heal`].
    pub(crate) fn fail(&self, point: FaultPoint, fault: Fault) {
        self.injector.faults.lock().unwrap().insert(point, fault);
    }

    /// Removes all injected faults.
    pub(crate) fn clear_faults(&self) {
        self.injector.faults.lock().unwrap().clear();
    }

    /// The number of reads of records and lists so far.
    pub(crate) fn read_count(&self) -> u64 {
        self.read_count.load(Ordering::SeqCst)
    }

    async fn inject(&self, point: FaultPoint) -> Result<(), StoreError> {
        self.injector.inject(point).await
    }

    fn wrap_stream<T: 'static>(&self, streamed: SnapshotStream<T>) -> SnapshotStream<T> {
        let batches = FaultyRecordStream { inner: streamed.batches, injector: Arc::clone(&self.injector) };
        SnapshotStream { batches: Box::new(batches), ..streamed }
    }
}

struct FaultyRecordStream<T> {
    inner: Box<dyn RecordStream<T>>,
    injector: Arc<FaultInjector>,
}

#[async_trait]
impl<T> RecordStream<T> for FaultyRecordStream<T> {
    async fn next(&mut self) -> Result<Option<Vec<T>>, StoreError> {
        self.injector.inject(FaultPoint::Batch).await?;
        self.inner.next().await
    }
}

#[async_trait]
impl<R: Resource> Reader<R> for FaultyStore
where
    DynStore: Reader<R>,
{
    async fn get(&self, organization: OrganizationId, id: Id<R>) -> Result<Option<Stored<R>>, StoreError> {
        self.read_count.fetch_add(1, Ordering::SeqCst);
        self.inject(FaultPoint::Read).await?;
        Reader::<R>::get(&*self.inner, organization, id).await
    }

    async fn list(
        &self,
        organization: OrganizationId,
        filter: &R::Filter,
        page: &PageRequest,
    ) -> Result<Page<Stored<R>>, StoreError> {
        self.read_count.fetch_add(1, Ordering::SeqCst);
        self.inject(FaultPoint::Read).await?;
        Reader::<R>::list(&*self.inner, organization, filter, page).await
    }

    async fn stream(
        &self,
        organization: OrganizationId,
        filter: &R::Filter,
        request: &StreamRequest,
    ) -> Result<SnapshotStream<Stored<R>>, StoreError> {
        self.read_count.fetch_add(1, Ordering::SeqCst);
        self.inject(FaultPoint::Read).await?;
        Ok(self.wrap_stream(Reader::<R>::stream(&*self.inner, organization, filter, request).await?))
    }

    async fn get_by_keys(&self, organization: OrganizationId, keys: &[&str]) -> Result<Vec<Stored<R>>, StoreError> {
        self.inject(FaultPoint::Read).await?;
        Reader::<R>::get_by_keys(&*self.inner, organization, keys).await
    }
}

#[async_trait]
impl Ledger for FaultyStore {
    fn begin_write(&self) -> WriteTimestamp {
        self.inner.begin_write()
    }

    async fn commit(&self, changeset: Changeset) -> Result<(), CommitError> {
        self.inject(FaultPoint::Commit).await?;
        let (events, written) = (changeset.events().to_vec(), changeset.writes().len());
        self.inner.commit(changeset).await?;
        self.events.lock().unwrap().extend(events);
        self.write_count.fetch_add(u64::try_from(written).unwrap(), Ordering::SeqCst);
        Ok(())
    }

    async fn stored_response(
        &self,
        key: &IdempotencyKey,
        now: Timestamp,
    ) -> Result<Option<(Fingerprint, StoredResponse)>, StoreError> {
        self.inject(FaultPoint::StoredResponse).await?;
        self.inner.stored_response(key, now).await
    }
}

#[async_trait]
impl AuditTrail for FaultyStore {
    fn begin_entry(&self) -> WriteTimestamp {
        self.inner.begin_entry()
    }

    async fn append(&self, entry: Entry, stamp: WriteTimestamp) -> Result<(), StoreError> {
        self.inject(FaultPoint::Append).await?;
        self.inner.append(entry, stamp).await
    }
}

#[async_trait]
impl AuditLog for FaultyStore {
    async fn entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredEntry>, StoreError> {
        self.inject(FaultPoint::Read).await?;
        self.inner.entries(organization, filter, page).await
    }

    async fn stream_entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        request: &StreamRequest,
    ) -> Result<SnapshotStream<StoredEntry>, StoreError> {
        self.inject(FaultPoint::Read).await?;
        Ok(self.wrap_stream(self.inner.stream_entries(organization, filter, request).await?))
    }

    async fn entry(&self, organization: OrganizationId, id: Id<Entry>) -> Result<Option<StoredEntry>, StoreError> {
        self.inner.entry(organization, id).await
    }

    async fn organizations_with_unsealed(
        &self,
        after: Option<OrganizationId>,
        limit: usize,
    ) -> Result<Vec<OrganizationId>, StoreError> {
        self.inner.organizations_with_unsealed(after, limit).await
    }

    async fn unsealed(&self, organization: OrganizationId, limit: usize) -> Result<Option<Unsealed>, StoreError> {
        self.inner.unsealed(organization, limit).await
    }

    async fn seal(&self, batch: &SealedBatch, checkpoint: &Checkpoint) -> Result<bool, StoreError> {
        self.inner.seal(batch, checkpoint).await
    }

    async fn sealed(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        self.inner.sealed(organization, after, limit).await
    }

    async fn checkpoints(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Checkpoint>, StoreError> {
        self.inner.checkpoints(organization, after, limit).await
    }

    async fn head(&self, organization: OrganizationId) -> Result<Head, StoreError> {
        self.inner.head(organization).await
    }

    async fn unsealed_stats(&self, organization: Option<OrganizationId>) -> Result<UnsealedStats, StoreError> {
        self.inner.unsealed_stats(organization).await
    }
}

#[async_trait]
impl Accounts for FaultyStore {
    async fn by_client_id(&self, account: AccountId) -> Result<Option<Account>, StoreError> {
        self.inject(FaultPoint::ClientId).await?;
        self.inner.by_client_id(account).await
    }

    async fn revision(&self, organization: OrganizationId, account: AccountId) -> Result<Option<Revision>, StoreError> {
        self.inject(FaultPoint::Revision).await?;
        self.inner.revision(organization, account).await
    }

    async fn record_last_used(&self, uses: &[(OrganizationId, AccountId, Timestamp)]) -> Result<(), StoreError> {
        self.inner.record_last_used(uses).await
    }

    async fn last_used(
        &self,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.inner.last_used(organization, account).await
    }
}

#[async_trait]
impl SigningKeys for FaultyStore {
    async fn signing_keys(&self) -> Result<Keyring, StoreError> {
        self.inner.signing_keys().await
    }

    async fn add_first_signing_key(&self, key: &EncryptedSigningKey) -> Result<(), StoreError> {
        self.inner.add_first_signing_key(key).await
    }

    async fn change_signing_keys(&self, change: &KeyChange, changeset: Changeset) -> Result<bool, CommitError> {
        self.inner.change_signing_keys(change, changeset).await
    }
}

#[async_trait]
impl MasterKeyCheck for FaultyStore {
    async fn master_key_check(&self) -> Result<Option<String>, StoreError> {
        self.inner.master_key_check().await
    }

    async fn store_master_key_check(&self, value: &str) -> Result<String, StoreError> {
        self.inner.store_master_key_check(value).await
    }
}

#[async_trait]
impl Directory for FaultyStore {
    async fn organizations(&self) -> Result<Vec<Stored<Organization>>, StoreError> {
        self.inner.organizations().await
    }

    async fn organization(&self, slug: &Slug) -> Result<Option<Stored<Organization>>, StoreError> {
        self.inner.organization(slug).await
    }
}

#[async_trait]
impl Maintenance for FaultyStore {
    async fn acquire_lease(
        &self,
        lease: Lease,
        holder: &str,
        now: Timestamp,
        span: Duration,
    ) -> Result<bool, StoreError> {
        self.inner.acquire_lease(lease, holder, now, span).await
    }

    async fn release_lease(&self, lease: Lease, holder: &str) -> Result<(), StoreError> {
        self.inner.release_lease(lease, holder).await
    }

    async fn delete_expired_keys(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.inner.delete_expired_keys(now, limit).await
    }

    async fn time(&self) -> Result<Timestamp, StoreError> {
        self.inner.time().await
    }

    async fn check_ready(&self) -> Result<(), StoreError> {
        self.inner.check_ready().await
    }

    async fn pending_events(&self) -> Result<u64, StoreError> {
        self.inner.pending_events().await
    }

    fn is_sole_process(&self) -> bool {
        self.inner.is_sole_process()
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
