//! Evidence claims that expire, because their validity has ended.

use std::{collections::HashMap, sync::Arc, time::Duration};

use evidence::{EvidenceClaim, expire};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use kernel::{
    Actor, ActorKind, Attribution, Clock, CommitError, Entropy, Id, Organization, OrganizationId, OrganizationRef,
    Reader, Reason, StoreError, WriteContext,
};
use store::{DynStore, Lease};

use crate::compose::{Installation, SERVER, command_origin};

/// Maximum number of claims that are looked up at once. The lease is renewed for each such batch.
const BATCH: usize = 200;

/// Number of claims that expire concurrently: few enough to leave database connections to requests.
const MAX_CONCURRENT: usize = 8;

/// Duration of the lease after each renewal, and so the delay after its owner has died.
const LEASE_DURATION: Duration = Duration::from_secs(30);

const REASON: &str = "the validity of the claim has ended";

/// Lets claims expire while it owns the lease.
pub(crate) struct EvidenceExpiry {
    store: Arc<DynStore>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    owner: String,
}

impl EvidenceExpiry {
    /// Creates the task over this installation.
    pub(crate) fn new(installation: &Installation) -> Self {
        let Installation { store, clock, entropy, .. } = installation;
        Self::over(Arc::clone(store), Arc::clone(clock), Arc::clone(entropy))
    }

    fn over(store: Arc<DynStore>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let owner = entropy.ulid(clock.now()).to_string();
        Self { store, clock, entropy, owner }
    }

    /// Lets every claim expire whose validity has ended. Returns how many did. A claim that is changed meanwhile is left
    /// to the next run.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn run_once(&self) -> Result<usize, StoreError> {
        let Self { store, clock, .. } = self;
        let mut total = 0;
        loop {
            // The claims are queried before the lease is acquired, so that an idle installation writes nothing.
            let due = store.expired_claims(clock.now(), BATCH).await?;
            if due.is_empty()
                || !store.acquire_lease(Lease::EvidenceExpiry, &self.owner, clock.now(), LEASE_DURATION).await?
            {
                return Ok(total);
            }
            let is_full = due.len() == BATCH;
            let expired = self.expire_all(due).await?;
            total += expired;
            if !is_full || expired == 0 {
                store.release_lease(Lease::EvidenceExpiry, &self.owner).await?;
                return Ok(total);
            }
        }
    }

    async fn expire_all(&self, due: Vec<(OrganizationId, Id<EvidenceClaim>)>) -> Result<usize, StoreError> {
        let mut organizations: HashMap<OrganizationId, OrganizationRef> = HashMap::new();
        for (id, _) in &due {
            if !organizations.contains_key(id)
                && let Some(found) = Reader::<Organization>::get(&*self.store, *id, *id).await?
            {
                organizations.insert(*id, OrganizationRef::from(&found));
            }
        }
        let organizations = &organizations;
        let expired = stream::iter(due)
            .map(|(organization, id)| async move {
                match organizations.get(&organization) {
                    Some(organization) => self.expire_one(organization, id).await,
                    None => Ok(false),
                }
            })
            .buffer_unordered(MAX_CONCURRENT);
        expired.try_fold(0, |count, expired| async move { Ok(count + usize::from(expired)) }).await
    }

    /// Lets one claim expire, unless it has changed meanwhile. Returns whether it did.
    async fn expire_one(&self, organization: &OrganizationRef, id: Id<EvidenceClaim>) -> Result<bool, StoreError> {
        let Some(claim) = Reader::<EvidenceClaim>::get(&*self.store, organization.id, id).await? else {
            return Ok(false);
        };
        let attribution = Attribution {
            actor: Actor { kind: ActorKind::System, id: None, name: SERVER.into() },
            origin: command_origin(&*self.entropy, self.clock.now(), "serve"),
            actor_revision: None,
        };
        let reason = Reason::trusted(REASON);
        let context =
            WriteContext { organization, attribution: &attribution, reason: Some(&reason), entropy: &*self.entropy };
        let Ok((changeset, _)) = expire(&context, self.store.begin_write(), &claim) else { return Ok(false) };
        match self.store.commit(changeset).await {
            Ok(()) => Ok(true),
            Err(CommitError::Store(error)) => Err(error),
            Err(_) => Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use evidence::EvidenceClaimStatus;
    use kernel::{Record as _, Stored, Timestamp};
    use store_contract::{Fixture, OpenedStore, samples};
    use store_memory::MemoryStore;

    use super::*;

    async fn fixture() -> Fixture {
        Fixture::open(async |clock| OpenedStore::new(Arc::new(MemoryStore::new(clock)))).await
    }

    fn expiry(fixture: &Fixture) -> EvidenceExpiry {
        EvidenceExpiry::over(Arc::clone(&fixture.store), fixture.clock.clone(), fixture.entropy.clone())
    }

    async fn store_claim(
        fixture: &Fixture,
        organization: OrganizationId,
        key: &str,
        valid_until: Option<Timestamp>,
    ) -> Stored<EvidenceClaim> {
        let claim = EvidenceClaim {
            key: samples::key(key),
            status: EvidenceClaimStatus::Approved,
            valid_until,
            ..EvidenceClaim::example()
        };
        fixture.create(organization, claim).await
    }

    async fn status(fixture: &Fixture, claim: &Stored<EvidenceClaim>) -> EvidenceClaimStatus {
        fixture.get(claim.meta.organization, claim.meta.id).await.unwrap().record.status
    }

    #[tokio::test]
    async fn claims_of_every_organization_expire_once_their_validity_has_ended() {
        let fixture = fixture().await;
        let other = fixture.create_organization("other").await;
        let end = fixture.now() + Duration::from_secs(60);
        let claims = [
            store_claim(&fixture, fixture.home, "one", Some(end)).await,
            store_claim(&fixture, other, "two", Some(end)).await,
        ];
        let later = store_claim(&fixture, fixture.home, "later", Some(end + Duration::from_secs(1))).await;
        let never = store_claim(&fixture, fixture.home, "never", None).await;
        let expiry = expiry(&fixture);
        assert_eq!(expiry.run_once().await.unwrap(), 0);
        fixture.clock.set(end);
        assert_eq!(expiry.run_once().await.unwrap(), 2);
        for claim in &claims {
            assert_eq!(status(&fixture, claim).await, EvidenceClaimStatus::Expired);
            let log = fixture.audit_log(claim.meta.organization).await;
            let entry = log.iter().find(|stored| stored.entry.action.as_str() == "evidence_claim.expired").unwrap();
            assert_eq!((entry.entry.actor.kind, &*entry.entry.actor.name), (ActorKind::System, SERVER));
            assert_eq!(entry.entry.reason.as_ref().unwrap().as_str(), REASON);
        }
        for claim in [&later, &never] {
            assert_eq!(status(&fixture, claim).await, EvidenceClaimStatus::Approved);
        }
        assert_eq!(expiry.run_once().await.unwrap(), 0, "nothing is left");
    }

    #[tokio::test]
    async fn any_number_of_claims_expires_in_one_run() {
        let fixture = fixture().await;
        let end = fixture.now() + Duration::from_secs(1);
        for number in 0..=2 * BATCH {
            store_claim(&fixture, fixture.home, &format!("claim-{number}"), Some(end)).await;
        }
        fixture.clock.set(end);
        assert_eq!(expiry(&fixture).run_once().await.unwrap(), 2 * BATCH + 1);
    }

    #[tokio::test]
    async fn claims_expire_only_while_the_lease_is_owned_and_the_lease_is_released_afterwards() {
        let fixture = fixture().await;
        let claim = store_claim(&fixture, fixture.home, "one", Some(fixture.now())).await;
        let acquire = async |owner: &str| {
            fixture.store.acquire_lease(Lease::EvidenceExpiry, owner, fixture.now(), LEASE_DURATION).await.unwrap()
        };
        assert!(acquire("another").await);
        assert_eq!(expiry(&fixture).run_once().await.unwrap(), 0);
        assert_eq!(status(&fixture, &claim).await, EvidenceClaimStatus::Approved);
        fixture.store.release_lease(Lease::EvidenceExpiry, "another").await.unwrap();
        assert_eq!(expiry(&fixture).run_once().await.unwrap(), 1);
        assert!(acquire("another").await, "the lease is still owned after the run");
    }
}
