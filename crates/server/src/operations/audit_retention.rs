//! The bounds of the installation's own audit log, to which strangers can write.
//!
//! Its oldest entries are removed in two steps: an entry that records the removal is sealed first, and the entries are
//! removed on the next run. If the server is killed in between, the next one finds the record.

use std::{sync::Arc, time::Duration};

use audit::{AuditFilter, ENTRIES_REMOVED, Head, Removal, StoredEntry, pending_removal, recorded_removal};
use kernel::{
    Actor, ActorKind, Clock, Entropy, Entry, Id, OrganizationId, Origin, PageLimit, PageRequest, StoreError, Timestamp,
};
use store::DynStore;

use crate::{compose::Installation, settings::InstallationLogLimits};

const LOG: OrganizationId = OrganizationId::INSTALLATION;

/// Maximum number of entries removed in one run, in one transaction.
const MAX_REMOVED: i64 = 10_000;

/// Time that an entry may be too old before it is removed, so that one record stands for the entries of a day.
const MAX_OVERDUE: Duration = Duration::from_secs(24 * 60 * 60);

/// Number of entries read at a time to find those that are too old.
const PAGE_SIZE: usize = 500;

/// Removes the entries of the installation's log that are beyond its bounds.
pub(crate) struct AuditRetention {
    store: Arc<DynStore>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    limits: InstallationLogLimits,
}

/// The result of one run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RetentionOutcome {
    /// No entry is beyond the bounds.
    Nothing,
    /// The removal of entries was recorded.
    Recorded,
    /// The record is not sealed yet.
    Waiting,
    /// This many entries were removed.
    Removed(i64),
}

impl AuditRetention {
    pub(crate) fn new(installation: &Installation, limits: InstallationLogLimits) -> Self {
        Self {
            store: Arc::clone(&installation.store),
            clock: Arc::clone(&installation.clock),
            entropy: Arc::clone(&installation.entropy),
            limits,
        }
    }

    /// Does the next step, if there is one.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn run_once(&self) -> Result<RetentionOutcome, StoreError> {
        let start = self.store.removed(LOG).await?;
        if let Some(recorded) = self.last_record().await? {
            if let Some(last) = pending_removal(&recorded, start) {
                return self.remove(start, last).await;
            }
            if recorded.seal.is_none() && recorded_removal(&recorded.entry).is_some() {
                return Ok(RetentionOutcome::Waiting);
            }
        }
        match self.due(start).await? {
            Some(removal) => self.record(&removal).await,
            None => Ok(RetentionOutcome::Nothing),
        }
    }

    async fn last_record(&self) -> Result<Option<StoredEntry>, StoreError> {
        let filter = AuditFilter { actions: [ENTRIES_REMOVED.as_str().to_owned()].into(), ..AuditFilter::default() };
        let mut page = PageRequest { limit: PageLimit::clamped(1), ..PageRequest::default() };
        loop {
            // A page may be empty although there are further ones, because it scans a bounded number of entries.
            let found = self.store.entries(LOG, &filter, &page).await?;
            match (found.items.into_iter().next(), found.next) {
                (Some(entry), _) => return Ok(Some(entry)),
                (None, Some(next)) => page.after = Some(next),
                (None, None) => return Ok(None),
            }
        }
    }

    async fn remove(&self, start: Head, last: Head) -> Result<RetentionOutcome, StoreError> {
        if !self.store.remove_entries(LOG, start, last).await? {
            // Another server was faster.
            return Ok(RetentionOutcome::Nothing);
        }
        let removed = last.sequence - start.sequence;
        tracing::info!(
            entries = removed,
            through = last.sequence,
            "removed the oldest entries of the installation's audit log, as the log records"
        );
        Ok(RetentionOutcome::Removed(removed))
    }

    /// Returns the removal of the entries that are beyond the bounds, as many as one run removes.
    async fn due(&self, start: Head) -> Result<Option<Removal>, StoreError> {
        let sealed = self.store.head(LOG).await?.sequence - start.sequence;
        let max = i64::try_from(self.limits.entries).unwrap_or(i64::MAX);
        // A tenth more than necessary is removed. Otherwise each record would itself be an entry too many.
        let by_number = if sealed > max { (sealed - (max - max / 10)).min(MAX_REMOVED) } else { 0 };
        let by_age = self.number_older_than(self.clock.now() - self.limits.age, start).await?;
        let (count, policy) = if by_number >= by_age {
            (by_number, format!("installation_log_entries is {}", self.limits.entries))
        } else {
            (by_age, format!("installation_log_retention is {}s", self.limits.age.as_secs()))
        };
        if count == 0 {
            return Ok(None);
        }
        let (first, last) =
            (self.entry_after(start.sequence).await?, self.entry_after(start.sequence + count - 1).await?);
        let (Some(first), Some(last)) = (first, last) else { return Ok(None) };
        Ok(last.seal.map(|seal| Removal {
            first_sequence: start.sequence + 1,
            last: Head { sequence: seal.sequence, hash: seal.hash },
            first_at: first.entry.occurred_at,
            last_at: last.entry.occurred_at,
            policy,
        }))
    }

    async fn entry_after(&self, sequence: i64) -> Result<Option<StoredEntry>, StoreError> {
        Ok(self.store.sealed(LOG, sequence, 1).await?.into_iter().next())
    }

    /// Returns how many of the oldest entries are older than `oldest`, up to the maximum of one run.
    async fn number_older_than(&self, oldest: Timestamp, start: Head) -> Result<i64, StoreError> {
        let first = self.entry_after(start.sequence).await?;
        if first.is_none_or(|first| first.entry.occurred_at + MAX_OVERDUE >= oldest) {
            return Ok(0);
        }
        let mut count = 0;
        while count < MAX_REMOVED {
            let page = self.store.sealed(LOG, start.sequence + count, PAGE_SIZE).await?;
            let old = page.iter().take_while(|stored| stored.entry.occurred_at < oldest).count();
            count += i64::try_from(old).unwrap_or(i64::MAX);
            if old < page.len() || page.is_empty() {
                break;
            }
        }
        Ok(count.min(MAX_REMOVED))
    }

    async fn record(&self, removal: &Removal) -> Result<RetentionOutcome, StoreError> {
        let timestamp = self.store.begin_entry();
        let at = timestamp.at();
        let entry = Entry {
            id: Id::new(self.entropy.ulid(at)),
            organization: LOG,
            occurred_at: at,
            wall_clock: timestamp.differing_clock(),
            actor: Actor { kind: ActorKind::System, id: None, name: "novantra".into() },
            action: ENTRIES_REMOVED,
            subject: None,
            reason: None,
            changes: removal.changes(),
            origin: Origin {
                request_id: Id::new(self.entropy.ulid(at)),
                method: None,
                route: Some("audit retention".into()),
                source_address: None,
                user_agent: None,
            },
            status: None,
        };
        self.store.append(entry, timestamp).await?;
        tracing::warn!(
            from = removal.first_sequence,
            through = removal.last.sequence,
            policy = removal.policy,
            "the oldest entries of the installation's audit log are beyond its bounds and will be removed within two minutes; export them before with novantra audit export --workspace -, or raise the setting"
        );
        Ok(RetentionOutcome::Recorded)
    }
}

#[cfg(test)]
mod tests {
    use audit::{CheckpointVerifier, Signature, verify_stored};
    use store_contract::{Fixture, OpenedStore, samples};
    use store_memory::MemoryStore;

    use super::*;

    /// Accepts every signature: these tests are about the chain.
    struct AnySignature;

    impl CheckpointVerifier for AnySignature {
        fn verify(&self, _: &[u8], _: &Signature) -> bool {
            true
        }
    }

    async fn fixture() -> Fixture {
        Fixture::open(async |clock| OpenedStore::new(Arc::new(MemoryStore::new(clock)))).await
    }

    fn retention(fixture: &Fixture, entries: u64, age: Duration) -> AuditRetention {
        AuditRetention {
            store: Arc::clone(&fixture.store),
            clock: fixture.clock.clone(),
            entropy: fixture.entropy.clone(),
            limits: InstallationLogLimits { entries, age },
        }
    }

    async fn append(fixture: &Fixture, count: usize) {
        for _ in 0..count {
            let at = fixture.clock.tick();
            fixture.append(samples::entry(&*fixture.entropy, LOG, at)).await.unwrap();
        }
    }

    async fn seal(fixture: &Fixture) {
        while let Some(unsealed) = fixture.store.unsealed(LOG, 1000).await.unwrap() {
            let (batch, checkpoint) = samples::seal_batch(&unsealed, fixture.now());
            assert!(fixture.store.seal(&batch, &checkpoint).await.unwrap());
        }
    }

    /// Verifies the chain, and returns the number of its entries and the sequence through which entries were removed.
    async fn verified(fixture: &Fixture) -> (u64, i64) {
        let chain = verify_stored(&*fixture.store, LOG, &AnySignature, &[]).await.unwrap();
        (chain.entries, chain.removed_through)
    }

    const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

    #[tokio::test]
    async fn the_installations_log_is_bounded_in_number_and_records_what_is_removed() {
        let fixture = fixture().await;
        let retention = retention(&fixture, 100, FOREVER);
        append(&fixture, 100).await;
        seal(&fixture).await;
        assert_eq!(retention.run_once().await.unwrap(), RetentionOutcome::Nothing);
        append(&fixture, 30).await;
        seal(&fixture).await;
        assert_eq!(retention.run_once().await.unwrap(), RetentionOutcome::Recorded);
        assert_eq!(
            retention.run_once().await.unwrap(),
            RetentionOutcome::Waiting,
            "nothing is removed before the seal"
        );
        assert_eq!(verified(&fixture).await, (130, 0));
        seal(&fixture).await;
        assert_eq!(retention.run_once().await.unwrap(), RetentionOutcome::Removed(40));
        assert_eq!(verified(&fixture).await, (91, 40));
        assert_eq!(
            retention.run_once().await.unwrap(),
            RetentionOutcome::Nothing,
            "a record does not cause the next one"
        );
        for _ in 0..20 {
            append(&fixture, 50).await;
            seal(&fixture).await;
            for outcome in [RetentionOutcome::Recorded, RetentionOutcome::Removed(0), RetentionOutcome::Nothing] {
                let done = retention.run_once().await.unwrap();
                assert_eq!(std::mem::discriminant(&done), std::mem::discriminant(&outcome));
                seal(&fixture).await;
                verified(&fixture).await;
            }
            assert_eq!(verified(&fixture).await.0, 91);
        }
    }

    #[tokio::test]
    async fn old_entries_of_the_installations_log_are_removed_and_others_are_kept() {
        let fixture = fixture().await;
        let day = Duration::from_secs(24 * 3600);
        let retention = retention(&fixture, 1_000_000, day);
        append(&fixture, 1200).await;
        fixture.clock.advance(day / 2);
        append(&fixture, 10).await;
        seal(&fixture).await;
        assert_eq!(retention.run_once().await.unwrap(), RetentionOutcome::Nothing);
        fixture.clock.advance(day);
        assert_eq!(
            retention.run_once().await.unwrap(),
            RetentionOutcome::Nothing,
            "the entries of a day have one record"
        );
        fixture.clock.advance(day / 2);
        append(&fixture, 10).await;
        seal(&fixture).await;
        assert_eq!(retention.run_once().await.unwrap(), RetentionOutcome::Recorded);
        seal(&fixture).await;
        assert_eq!(retention.run_once().await.unwrap(), RetentionOutcome::Removed(1210));
        assert_eq!(retention.run_once().await.unwrap(), RetentionOutcome::Nothing);
        assert_eq!(verified(&fixture).await, (11, 1210));
    }

    #[tokio::test]
    async fn a_server_that_is_killed_after_the_record_leaves_the_removal_to_the_next_one() {
        let fixture = fixture().await;
        append(&fixture, 130).await;
        seal(&fixture).await;
        retention(&fixture, 100, FOREVER).run_once().await.unwrap();
        seal(&fixture).await;
        let next = retention(&fixture, 1_000, FOREVER);
        assert_eq!(next.run_once().await.unwrap(), RetentionOutcome::Removed(40), "a recorded removal happens");
        assert_eq!(verified(&fixture).await, (91, 40));
    }
}
