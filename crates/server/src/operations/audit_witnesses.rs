//! Cosigning of the installation's log by witnesses, who state that it only grows (C2SP `tlog-witness`). That log names the
//! heads of all others. Nothing waits for a witness.

mod client;
mod conflicts;
mod schedule;
mod submission;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use audit_store::{CosignedHead, CosignedHeads, PublicationError, PublishedLog, StoredCosignatures};
use futures_util::future::join_all;
use kernel::{Clock, Entropy, OrganizationId, StoreError};
use store::{DynStore, Lease};

use crate::{
    compose::Installation,
    settings::{Witness, WitnessSettings},
};

use client::WitnessClient;
use schedule::Schedule;
use submission::{Outcome, Submission};

pub(crate) use conflicts::{WitnessConflict, recorded_conflicts};

/// Duration of the lease after each renewal, which is longer than a round.
const LEASE_DURATION: Duration = Duration::from_secs(2 * 60);

/// Sends heads to witnesses while it owns the lease.
pub(crate) struct AuditWitnesses {
    store: Arc<DynStore>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    log: PublishedLog,
    cosigned: CosignedHeads,
    owner: String,
    has_lease: bool,
    interval: Duration,
    witnesses: Vec<FollowingWitness>,
    /// The conflicts that the log records.
    recorded: BTreeSet<WitnessConflict>,
}

/// A witness with what is remembered about it.
struct FollowingWitness {
    witness: Witness,
    client: WitnessClient,
    schedule: Schedule,
}

impl AuditWitnesses {
    pub(crate) fn new(installation: &Installation, settings: &WitnessSettings) -> Self {
        let following = |witness: &Witness| FollowingWitness {
            witness: witness.clone(),
            client: WitnessClient::new(witness.url.clone()),
            schedule: Schedule::default(),
        };
        Self {
            store: Arc::clone(&installation.store),
            clock: Arc::clone(&installation.clock),
            entropy: Arc::clone(&installation.entropy),
            log: installation.published_log(),
            cosigned: installation.cosigned_heads(),
            owner: installation.entropy.ulid(installation.clock.now()).to_string(),
            has_lease: false,
            interval: settings.interval,
            witnesses: settings.witnesses.iter().map(following).collect(),
            recorded: BTreeSet::new(),
        }
    }

    /// Sends the newest head to the witnesses that have not cosigned it, and stores what they answer.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn run_once(&mut self) -> Result<(), StoreError> {
        if self.witnesses.is_empty() || !self.acquire_lease().await? {
            return Ok(());
        }
        let (head, note) = match self.log.head(OrganizationId::INSTALLATION).await {
            Ok(newest) => newest,
            Err(PublicationError::Store(error)) => return Err(error),
            // No head is signed yet.
            Err(_) => return Ok(()),
        };
        let StoredCosignatures { heads, invalid } = self.cosigned.read().await?;
        for key in invalid {
            tracing::error!(
                witness = %key.name,
                "the stored cosignature of a witness is not by it, so it is ignored: somebody has written to the database"
            );
        }
        let now = self.clock.now();
        let submission = Submission { log: &self.log, cosigned: &self.cosigned, head: &head, note: &note };
        let sent =
            self.witnesses.iter().enumerate().filter_map(|(index, FollowingWitness { witness, client, schedule })| {
                let stored = heads.iter().find(|stored| stored.witness == witness.key);
                let submission = &submission;
                let send = async move { (index, submission.send(&witness.key, client, stored).await) };
                schedule.is_due(now, &head, stored).then_some(send)
            });
        let outcomes = join_all(sent).await;
        let is_cosigned = |(_, outcome): &(usize, Outcome)| match outcome {
            Outcome::Cosigned(head) => Some(head.clone()),
            Outcome::Outdated | Outcome::Conflict { .. } | Outcome::Failed(_) => None,
        };
        let new_heads: Vec<CosignedHead> = outcomes.iter().filter_map(is_cosigned).collect();
        self.cosigned.store(&new_heads).await?;
        for (index, outcome) in outcomes {
            self.record(index, outcome).await?;
        }
        Ok(())
    }

    async fn record(&mut self, index: usize, outcome: Outcome) -> Result<(), StoreError> {
        let now = self.clock.now();
        let FollowingWitness { witness, schedule, .. } = &mut self.witnesses[index];
        let name = &witness.key.name;
        match outcome {
            Outcome::Cosigned(head) => {
                tracing::debug!(witness = %name, entries = head.head.size, "a witness has cosigned the installation's log");
                schedule.succeed(now);
            }
            Outcome::Outdated => {}
            Outcome::Failed(reason) => {
                let delay = schedule.fail(now, self.interval);
                tracing::warn!(
                    witness = %name, reason,
                    "a witness has not cosigned the installation's log; trying again in {} s", delay.as_secs()
                );
            }
            Outcome::Conflict { kind, witnessed_size, size } => {
                schedule.conflict(now, kind, witnessed_size);
                tracing::error!(
                    witness = %name, witnessed_size, size, "{}: somebody has set the log back or changed it", kind.description()
                );
                let origin = self.log.verifier_key(OrganizationId::INSTALLATION).name.to_string();
                let conflict = WitnessConflict { witness: witness.key.to_string(), origin, kind, witnessed_size };
                if !self.recorded.contains(&conflict) {
                    conflicts::record(&*self.store, &*self.entropy, &conflict, size).await?;
                    self.recorded.insert(conflict);
                }
            }
        }
        Ok(())
    }

    async fn acquire_lease(&mut self) -> Result<bool, StoreError> {
        let had_lease = self.has_lease;
        self.has_lease = false;
        if self.store.acquire_lease(Lease::Witnesses, &self.owner, self.clock.now(), LEASE_DURATION).await? {
            if !had_lease {
                self.take_over().await?;
            }
            self.has_lease = true;
        }
        Ok(self.has_lease)
    }

    /// Reads what the log records about witnesses: one that has seen a larger tree is not asked before there is one.
    async fn take_over(&mut self) -> Result<(), StoreError> {
        let origin = self.log.verifier_key(OrganizationId::INSTALLATION).name.to_string();
        let recorded = recorded_conflicts(&*self.store).await?;
        self.recorded = recorded.into_iter().map(|(conflict, _)| conflict).collect();
        for FollowingWitness { witness, schedule, .. } in &mut self.witnesses {
            let key = witness.key.to_string();
            let own = self.recorded.iter().filter(|conflict| conflict.witness == key && conflict.origin == origin);
            *schedule = Schedule::after_conflicts(own);
        }
        Ok(())
    }

    /// Releases the lease, if it has it.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn release(&self) -> Result<(), StoreError> {
        if self.has_lease { self.store.release_lease(Lease::Witnesses, &self.owner).await } else { Ok(()) }
    }
}
