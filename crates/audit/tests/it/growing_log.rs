//! Verification of a stored chain while the store is written to, or fails.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use audit::{
    AuditFilter, AuditLog, Checkpoint, Fault, Head, SealedEntry, StoredEntry, UnsealedStats, VerificationError,
    VerifiedChain, verify_stored,
};
use kernel::{Entry, Id, OrganizationId, Page, PageRequest, SnapshotStream, StoreError, StreamRequest};

use crate::{
    entries::{minimal_entry, organization},
    log::{MemoryLog, TestKey, ready_result},
};

/// A log that is in another state at each read: the state that this function returns for the number of the read, from 0
/// on.
struct ChangingLog<S> {
    state: S,
    reads: AtomicUsize,
}

impl<S: Fn(usize) -> Result<MemoryLog, StoreError>> ChangingLog<S> {
    fn read(&self) -> Result<MemoryLog, StoreError> {
        (self.state)(self.reads.fetch_add(1, Ordering::Relaxed))
    }
}

/// Returns the log with this number of batches of one entry each.
fn log_of(batches: u128) -> MemoryLog {
    let mut log = MemoryLog { entries: Vec::new(), checkpoints: Vec::new(), head: Head::EMPTY, removed: Head::EMPTY };
    (1..=batches).for_each(|id| log.append_sealed(vec![minimal_entry(id)]));
    log
}

fn verify<S>(state: S) -> (Result<VerifiedChain, VerificationError>, usize)
where
    S: Fn(usize) -> Result<MemoryLog, StoreError> + Send + Sync,
{
    let log = ChangingLog { state, reads: AtomicUsize::new(0) };
    let result = ready_result(verify_stored(&log, organization(), &TestKey(1), &[]));
    (result, log.reads.into_inner())
}

#[test]
fn a_batch_that_is_sealed_at_any_moment_of_the_verification_is_no_fault() {
    let states = [log_of(3), log_of(4)];
    let (_, reads) = verify(|_| Ok(states[0].clone()));
    for sealed_before in 0..=reads {
        let (result, _) = verify(|read| Ok(states[usize::from(read >= sealed_before)].clone()));
        let verified = result.unwrap();
        assert!(verified.head == states[0].head || verified.head == states[1].head);
        assert_eq!(verified.signed_through, verified.head.sequence);
    }
}

#[test]
fn a_log_that_grows_with_every_read_is_verified_up_to_an_end_that_it_had() {
    let (result, _) = verify(|read| Ok(log_of(read.min(9) as u128)));
    assert_eq!(result.unwrap().head, log_of(9).head);
}

#[test]
fn a_store_that_fails_at_any_read_is_not_reported_as_a_fault_of_the_chain() {
    let (_, reads) = verify(|_| Ok(log_of(3)));
    assert!(reads >= 3, "the head, the entries and the checkpoints are read");
    for failing in 0..reads {
        let (result, _) = verify(|read| match read == failing {
            true => Err(StoreError::Unavailable("the disk is gone".into())),
            false => Ok(log_of(3)),
        });
        assert!(matches!(result, Err(VerificationError::Store(StoreError::Unavailable(_)))), "{result:?}");
    }
}

#[test]
fn a_chain_with_more_checkpoints_than_fit_one_page_is_verified_with_all_of_them() {
    for batches in [499, 500, 501, 1000, 1001] {
        let log = log_of(batches);
        let (result, _) = verify(|_| Ok(log.clone()));
        let expected = VerifiedChain {
            entries: batches as u64,
            removed_through: 0,
            head: log.head,
            checkpoints: batches as u64,
            signed_through: batches as i64,
        };
        assert_eq!(result.unwrap(), expected);
    }
}

#[test]
fn a_missing_checkpoint_within_the_chain_is_no_fault_since_the_next_one_covers_its_entries() {
    let mut log = log_of(4);
    log.checkpoints.remove(1);
    let (result, _) = verify(|_| Ok(log.clone()));
    let verified = result.unwrap();
    assert_eq!((verified.checkpoints, verified.signed_through), (3, 4));
}

#[test]
fn entries_added_without_a_checkpoint_are_reported_with_the_first_of_them() {
    let mut log = log_of(4);
    log.checkpoints.truncate(2);
    let (result, _) = verify(|_| Ok(log.clone()));
    assert!(matches!(result, Err(VerificationError::Fault(Fault::Unsigned { from: 3 }))), "{result:?}");
}

#[async_trait]
impl<S: Fn(usize) -> Result<MemoryLog, StoreError> + Send + Sync> AuditLog for ChangingLog<S> {
    async fn entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredEntry>, StoreError> {
        self.read()?.entries(organization, filter, page).await
    }

    async fn stream_entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        request: &StreamRequest,
    ) -> Result<SnapshotStream<StoredEntry>, StoreError> {
        self.read()?.stream_entries(organization, filter, request).await
    }

    async fn entry(&self, organization: OrganizationId, id: Id<Entry>) -> Result<Option<StoredEntry>, StoreError> {
        self.read()?.entry(organization, id).await
    }

    async fn changes(
        &self,
        organization: OrganizationId,
        subject: &str,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        self.read()?.changes(organization, subject, limit).await
    }

    async fn removed(&self, organization: OrganizationId) -> Result<Head, StoreError> {
        self.read()?.removed(organization).await
    }

    async fn sealed(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<SealedEntry>, StoreError> {
        self.read()?.sealed(organization, after, limit).await
    }

    async fn checkpoints(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Checkpoint>, StoreError> {
        self.read()?.checkpoints(organization, after, limit).await
    }

    async fn head(&self, organization: OrganizationId) -> Result<Head, StoreError> {
        self.read()?.head(organization).await
    }

    async fn unsealed_stats(&self, organization: Option<OrganizationId>) -> Result<UnsealedStats, StoreError> {
        self.read()?.unsealed_stats(organization).await
    }

    async fn waiting_stats(&self, organization: OrganizationId, limit: usize) -> Result<UnsealedStats, StoreError> {
        self.read()?.waiting_stats(organization, limit).await
    }
}
