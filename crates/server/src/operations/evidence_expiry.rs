//! Evidence claims that expire, because their validity has ended.

use std::{collections::HashMap, time::Duration};

use evidence::{EvidenceClaim, expire};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use kernel::{CommitError, Id, OrganizationId, OrganizationRef, Reader, Reason};
use store::Lease;

use super::operator::Operator;
use crate::{compose::Installation, failure::Failure};

/// Maximum number of claims that are looked up at once. The lease is renewed for each such batch.
const BATCH: usize = 200;

/// Number of claims that expire concurrently: few enough to leave database connections to requests.
const MAX_CONCURRENT: usize = 8;

/// Duration of the lease after each renewal, and so the delay after its owner has died.
const LEASE_DURATION: Duration = Duration::from_secs(30);

const REASON: &str = "the validity of the claim has ended";

/// Lets claims expire while it owns the lease.
pub(crate) struct EvidenceExpiry {
    operator: Operator,
    owner: String,
}

impl EvidenceExpiry {
    /// Creates the task over this installation.
    ///
    /// # Errors
    /// Never: its reason is valid.
    pub(crate) fn new(installation: Installation) -> Result<Self, Failure> {
        let owner = installation.entropy.ulid(installation.clock.now()).to_string();
        Ok(Self { operator: Operator::for_server(installation, Reason::parse(REASON)?), owner })
    }

    /// Lets every claim expire whose validity has ended. Returns how many did. A claim that is changed meanwhile is left
    /// to the next run.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn run_once(&self) -> Result<usize, Failure> {
        let Installation { store, clock, .. } = &self.operator.installation;
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

    async fn expire_all(&self, due: Vec<(OrganizationId, Id<EvidenceClaim>)>) -> Result<usize, Failure> {
        let mut organizations: HashMap<OrganizationId, OrganizationRef> = HashMap::new();
        for (organization, _) in &due {
            if !organizations.contains_key(organization) {
                organizations.insert(*organization, self.operator.organization(*organization).await?);
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
    async fn expire_one(&self, organization: &OrganizationRef, id: Id<EvidenceClaim>) -> Result<bool, Failure> {
        let store = &*self.operator.installation.store;
        let Some(claim) = Reader::<EvidenceClaim>::get(store, organization.id, id).await? else { return Ok(false) };
        let attribution = self.operator.attribution();
        let context = self.operator.write_context(organization, &attribution);
        let Ok((changeset, _)) = expire(&context, store.begin_write(), &claim) else { return Ok(false) };
        match store.commit(changeset).await {
            Ok(()) => Ok(true),
            Err(CommitError::Conflict(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
