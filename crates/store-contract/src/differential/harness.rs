//! Two stores that get the same commands and queries.

use std::{any::Any, cell::Cell, fmt::Debug, sync::Arc, time::Duration};

use auth::EncryptedSigningKey;
use kernel::{
    Action, ActorRevision, Changeset, Clock, Fingerprint, Id, IdempotencyRecord, Kind, OrganizationId, StoreError,
    Stored, Timestamp, TimestampOracle,
};
use proptest::{
    prop_assert_eq,
    test_runner::{TestCaseError, TestCaseResult},
};
use store::{DynStore, Lease};

use super::{
    command::{Command, CommitCommand},
    history::{ChangesetPart, DraftContext, History, pick},
};
use crate::{OpenedStore, TestClock, TestEntropy, TestLogKey, TestSealer, samples};

/// A sealer whose own entries are the same in both stores.
fn new_sealer(store: &Arc<DynStore>, clock: &Arc<TestClock>, step: u64) -> TestSealer {
    let timestamps = TimestampOracle::new(Arc::clone(clock) as Arc<dyn Clock>);
    let entropy = TestEntropy::with_offset(SEALER_OFFSET + step * 1_000);
    TestSealer::with_parts(
        store,
        clock.clone(),
        Arc::new(entropy),
        Box::new(move || timestamps.begin()),
        TestLogKey::DEFAULT.sealer_keys(),
    )
}

/// The offset of the randomness of sealers, far from that of commands.
const SEALER_OFFSET: u64 = 1 << 60;

pub(super) struct DifferentialTest {
    reference: Arc<DynStore>,
    other: Arc<DynStore>,
    _guards: [Option<Box<dyn Any + Send + Sync>>; 2],
    pub(super) clock: Arc<TestClock>,
    /// The timestamps are issued by the test, not by its stores, so that both stores get the same ones.
    timestamps: TimestampOracle,
    step: u64,
    /// Two organizations of the test, and the log of the installation.
    pub(super) organizations: [OrganizationId; 3],
    pub(super) history: History,
    /// The sealers of both stores.
    sealers: [TestSealer; 2],
    pub(super) claims: Vec<IdempotencyRecord>,
}

impl DifferentialTest {
    pub(super) async fn new(
        clock: Arc<TestClock>,
        reference: OpenedStore,
        other: OpenedStore,
    ) -> Result<Self, TestCaseError> {
        let sealers = [&reference.store, &other.store].map(|store| {
            store.authenticate_rows(Arc::new(TestLogKey::DEFAULT));
            new_sealer(store, &clock, 0)
        });
        let mut test = Self {
            reference: reference.store,
            other: other.store,
            _guards: [reference.guard, other.guard],
            timestamps: TimestampOracle::new(Arc::clone(&clock) as Arc<dyn Clock>),
            clock,
            step: 0,
            organizations: [OrganizationId::INSTALLATION; 3],
            history: History::default(),
            sealers,
            claims: Vec::new(),
        };
        for (index, slug) in ["first", "second"].into_iter().enumerate() {
            test.step += 1;
            let at = test.clock.now();
            let id = Id::new(kernel::Entropy::ulid(&test.entropy(0), at));
            let stored = Stored::new(id, id, at, samples::organization(slug));
            test.organizations[index] = id;
            test.history.organizations.push(stored.clone());
            let create: ChangesetPart = Box::new(move |changeset, _| changeset.create(&stored));
            test.commit(id, None, Timestamp::MIN, &[create]).await?;
        }
        Ok(test)
    }

    /// Runs the same call on both stores and returns their common result.
    pub(super) async fn compare<T: PartialEq + Debug>(
        &self,
        what: &str,
        call: impl AsyncFn(&DynStore) -> Result<T, StoreError>,
    ) -> Result<T, TestCaseError> {
        let failed = |error: StoreError| TestCaseError::fail(format!("{what}: {error}"));
        let expected = call(&*self.reference).await.map_err(failed)?;
        let actual = call(&*self.other).await.map_err(failed)?;
        prop_assert_eq!(&expected, &actual, "{} (the reference is on the left)", what);
        Ok(expected)
    }

    pub(super) async fn run(&mut self, command: &Command) -> TestCaseResult {
        self.step += 1;
        let now = self.clock.now();
        match command {
            Command::Wait { millis } => {
                self.clock.advance(Duration::from_millis(*millis));
            }
            Command::Commit(call) => self.run_commit(call).await?,
            Command::Append { log, full } => {
                let sample = if *full { samples::full_entry } else { samples::entry };
                let entry = sample(&self.entropy(0), self.organizations[*log], now);
                self.compare("append", async |store| store.append(entry.clone(), store.begin_entry()).await).await?;
            }
            Command::Seal => self.seal().await?,
            Command::ReplaceSealers => {
                self.sealers = [&self.reference, &self.other].map(|store| new_sealer(store, &self.clock, self.step));
            }
            Command::DeleteExpiredKeys { limit } => {
                self.compare("delete_expired_keys", async |store| {
                    store.delete_expired_idempotency_keys(now, *limit).await
                })
                .await?;
            }
            Command::AcquireLease { owner, millis } => {
                let duration = Duration::from_millis(*millis);
                self.compare("acquire_lease", async |store| {
                    store.acquire_lease(Lease::Sealer, owner, now, duration).await
                })
                .await?;
            }
            Command::ReleaseLease { owner } => {
                self.compare("release_lease", async |store| store.release_lease(Lease::Sealer, owner).await).await?;
            }
            Command::RecordLastUsed { account } if !self.history.accounts.is_empty() => {
                let meta = account.get(&self.history.accounts).meta;
                let uses = [(meta.organization, meta.id, now)];
                self.compare("record_last_used", async |store| store.record_last_used(&uses).await).await?;
            }
            Command::RecordLastUsed { .. } => {}
            Command::FanOut { limit } => self.fan_out(*limit).await?,
            Command::Send { which, limit, succeeds, suspend } => self.send(*which, *limit, *succeeds, *suspend).await?,
            Command::Cancel { which, limit } => self.cancel(*which, *limit).await?,
            Command::Prune { limit } => {
                let before = now - Duration::from_millis(10);
                self.compare("prune", async |store| store.prune(before, *limit).await).await?;
            }
            Command::AddFirstSigningKey => {
                let key = EncryptedSigningKey {
                    id: format!("key-{}", self.step),
                    algorithm: "EdDSA".to_owned(),
                    ciphertext: vec![1, 2, 3],
                    created_at: now,
                };
                self.compare("add_first_signing_key", async |store| store.add_first_signing_key(&key).await).await?;
            }
        }
        Ok(())
    }

    async fn run_commit(&mut self, call: &CommitCommand) -> TestCaseResult {
        let organization = self.organizations[call.organization];
        let mut history = self.history.clone();
        let at = self.timestamps.begin().at();
        let mut parts: Vec<ChangesetPart> = Vec::new();
        let context =
            DraftContext { organization, at, entropy: &self.entropy(500), replaced: Cell::new(Timestamp::MIN) };
        parts.extend(call.drafts.iter().filter_map(|draft| history.add_draft(&context, draft)));
        for _ in 0..call.extra_entries {
            parts.push(Box::new(|changeset, entropy| {
                changeset.add_entry(entropy, Action::new("finding.updated"), None, Vec::new());
            }));
        }
        if let Some(read) =
            call.precondition.and_then(|which| pick(&self.history.findings, organization, which)).cloned()
        {
            parts.push(Box::new(move |changeset, _| changeset.require_unchanged(&read)));
        }
        if let Some((key, fingerprint, millis)) = call.idempotency {
            let mut record = samples::idempotency_record(organization, &format!("key-{key}"), at);
            record.fingerprint = Fingerprint([fingerprint; 32]);
            record.expires_at = at + Duration::from_millis(millis);
            record.response.body = format!("answer {}", self.step).into();
            self.claims.push(record.clone());
            parts.push(Box::new(move |changeset, _| changeset.set_idempotency(record.clone())));
        }
        let account = call.actor.and_then(|which| pick(&self.history.accounts, organization, which));
        let actor = account.map(|account| ActorRevision {
            kind: Kind::ServiceAccount,
            id: account.meta.ulid(),
            revision: account.meta.revision,
        });
        if self.commit(organization, actor, context.replaced.get(), &parts).await? {
            self.history = history;
        }
        Ok(())
    }

    /// Commits the same changeset to both stores; returns whether it was stored. Its timestamp is after `replaced`.
    async fn commit(
        &self,
        organization: OrganizationId,
        actor: Option<ActorRevision>,
        replaced: Timestamp,
        parts: &[ChangesetPart],
    ) -> Result<bool, TestCaseError> {
        let outcome = self
            .compare("commit", async |store| {
                let outcome = store.commit(self.changeset(organization, actor, replaced, parts)).await;
                Ok(outcome.map_err(|error| format!("{error:?}")))
            })
            .await?;
        Ok(outcome.is_ok())
    }

    fn changeset(
        &self,
        organization: OrganizationId,
        actor: Option<ActorRevision>,
        replaced: Timestamp,
        parts: &[ChangesetPart],
    ) -> Changeset {
        let (entropy, timestamp) = (self.entropy(0), self.timestamps.begin().after_change(replaced));
        let mut changeset = match actor {
            None => samples::changeset(&entropy, timestamp, organization),
            Some(actor) => samples::changeset_for_account(&entropy, timestamp, organization, actor),
        };
        for part in parts {
            part(&mut changeset, &entropy);
        }
        changeset
    }

    /// Lets both sealers run a round, if they get the lease.
    async fn seal(&mut self) -> TestCaseResult {
        let failed = |error: StoreError| TestCaseError::fail(format!("seal: {error}"));
        let mut outcomes = Vec::new();
        for sealer in &mut self.sealers {
            let round = if sealer.acquire_lease().await.map_err(failed)? {
                let round = sealer.run_round().await.map_err(failed)?;
                sealer.release_lease().await.map_err(failed)?;
                Some((round.sealed, round.more, round.checkpoints, round.faults.len(), round.missing, round.refused))
            } else {
                None
            };
            outcomes.push(round);
        }
        prop_assert_eq!(&outcomes[0], &outcomes[1], "a round of sealing (the reference is on the left)");
        Ok(())
    }

    /// Randomness that is the same for both stores; `offset` separates several uses within one step.
    fn entropy(&self, offset: u64) -> TestEntropy {
        TestEntropy::with_offset(self.step * 1_000 + offset)
    }
}
