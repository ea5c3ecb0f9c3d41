//! Commits: the checks and writes of a changeset, in order.

mod merge;

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use kernel::{
    ActorRevision, Changeset, ClaimOutcome, CommitError, Conflict, Entry, Fingerprint, IdempotencyKey, KeyClaim, Kind,
    Ledger, OrganizationId, Revision, StoreError, StoredResponse, Timestamp, WriteTimestamp,
};
use ulid::Ulid;

use super::{
    SqlStore,
    audit::EntryRows,
    delivery_queue::{partitions, queued},
    idempotency, key_claims, outbox, storage_usage,
};
use crate::{
    engine::{CommitClass, Session, Sql, Step, Value, padded, pipeline},
    records::{Statements, writes},
    writer_registry::RegistrationCheck,
};

pub(crate) use merge::CommitBatcher;

static ACCOUNT_REVISION: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text("SELECT revision FROM service_accounts WHERE organization_id = ? AND id = ?").with_share_lock()
});
static USER_REVISION: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text("SELECT revision FROM users WHERE organization_id = ? AND id = ?").with_share_lock()
});

#[async_trait]
impl Ledger for SqlStore {
    fn begin_write(&self) -> WriteTimestamp {
        self.in_flight.records.begin()
    }

    async fn commit(&self, changeset: Changeset) -> Result<(), CommitError> {
        changeset.check_organization()?;
        let changeset = Arc::new(changeset);
        if !self.engine.is_in_process() && merge::can_merge(&changeset) {
            let stored = self.commits.store(&self.engine, &self.rows, self.registration.check(), &changeset).await?;
            if let Some(outcome) = stored {
                return outcome;
            }
        }
        let rows = EntryRows::new(&self.rows);
        // Here and not in the transaction, where other writes would wait for it.
        rows.prepare(&entries(&changeset))?;
        let input = (self.registration.check(), changeset);
        self.write_prepared(
            Some(CommitClass::Commit),
            input,
            rows,
            |()| true,
            |((check, changeset), rows), session| Box::pin(commit(session, *check, changeset, rows)),
        )
        .await
    }

    async fn stored_response(
        &self,
        key: &IdempotencyKey,
        now: Timestamp,
    ) -> Result<Option<(Fingerprint, StoredResponse)>, StoreError> {
        let input = (key.clone(), now);
        self.engine
            .read_point(input, |(key, now), session| Box::pin(idempotency::stored_response(session, key, *now)))
            .await
    }

    async fn stored_response_bytes(&self, organization: OrganizationId, account: Ulid) -> Result<u64, StoreError> {
        let input = (organization, account);
        self.engine
            .read(input, |(organization, account), session| {
                Box::pin(idempotency::stored_bytes(session, *organization, *account))
            })
            .await
    }

    async fn stored_bytes(&self, organization: OrganizationId, holders: &[Ulid]) -> Result<Vec<u64>, StoreError> {
        let input = (organization, holders.to_vec());
        self.engine
            .read(input, |(organization, holders), session| {
                Box::pin(storage_usage::stored_bytes(session, *organization, holders))
            })
            .await
    }

    async fn claim_key(&self, claim: &KeyClaim, now: Timestamp) -> Result<ClaimOutcome, StoreError> {
        let input = (claim.clone(), now);
        self.engine.write(input, |(claim, now), session| Box::pin(key_claims::claim(session, claim, *now))).await
    }

    async fn release_key(&self, claim: &KeyClaim) -> Result<(), StoreError> {
        self.engine.write(claim.clone(), |claim, session| Box::pin(key_claims::release(session, claim))).await
    }
}

fn entries(changeset: &Changeset) -> Vec<&Entry> {
    changeset.entries().iter().collect()
}

/// Commits a changeset in the transaction of the session.
pub(crate) async fn commit(
    session: &Session,
    check: RegistrationCheck,
    changeset: &Changeset,
    rows: &EntryRows,
) -> Result<(), CommitError> {
    let required = changeset.preconditions().iter().filter(|(kind, ..)| *kind == Kind::WebhookDelivery);
    let required: Vec<_> = required.map(|(_, id, revision)| (changeset.organization(), *id, *revision)).collect();
    queued::prepare_commit(session, changeset.writes(), &required).await?;
    pipeline(vec![
        Box::pin(store_idempotency_record(session, changeset)),
        Box::pin(async { Ok(check.lock(session, changeset.at()).await?) }),
        Box::pin(check_actor(session, changeset)),
        Box::pin(check_preconditions(session, changeset)),
        Box::pin(writes::store(session, changeset.writes())),
        Box::pin(storage_usage::change(session, changeset)),
        Box::pin(async { Ok(rows.insert(session, &entries(changeset)).await?) }),
        Box::pin(async { Ok(outbox::insert(session, changeset.events()).await?) }),
        Box::pin(async { Ok(partitions::mark_due(session, partitions::partitions_touched_by(changeset)).await?) }),
    ])
    .await
}

async fn store_idempotency_record(session: &Session, changeset: &Changeset) -> Result<(), CommitError> {
    match changeset.idempotency() {
        Some(record) => idempotency::insert(session, record, changeset.due_at()).await,
        None => Ok(()),
    }
}

async fn check_actor(session: &Session, changeset: &Changeset) -> Result<(), CommitError> {
    match changeset.actor_revision() {
        Some(actor) => check_actor_revision(session, changeset.organization(), actor).await,
        None => Ok(()),
    }
}

async fn check_actor_revision(
    session: &Session,
    organization: OrganizationId,
    actor: ActorRevision,
) -> Result<(), CommitError> {
    let sql = match actor.kind {
        Kind::ServiceAccount => &ACCOUNT_REVISION,
        Kind::User => &USER_REVISION,
        // No other kind of record acts.
        _ => return Err(CommitError::ActorChanged),
    };
    let values = [organization.into(), actor.id.into()];
    let current = session.fetch_one(sql, &values, |cells| cells.revision()).await?;
    if current == Some(actor.revision) { Ok(()) } else { Err(CommitError::ActorChanged) }
}

async fn check_preconditions(session: &Session, changeset: &Changeset) -> Result<(), CommitError> {
    let step =
        |kind: Kind| -> Step<'_, CommitError> { Box::pin(check_preconditions_of_kind(session, changeset, kind)) };
    pipeline(Kind::ALL.iter().copied().map(step).collect()).await
}

async fn check_preconditions_of_kind(session: &Session, changeset: &Changeset, kind: Kind) -> Result<(), CommitError> {
    let preconditions = changeset.preconditions().iter().filter(|(of_kind, ..)| *of_kind == kind);
    let expected: Vec<(Ulid, Revision)> = preconditions.map(|(_, id, revision)| (*id, *revision)).collect();
    if expected.is_empty() {
        return Ok(());
    }
    let mut values = vec![Value::from(changeset.organization())];
    values.extend(padded(expected.iter().map(|(id, _)| Value::from(*id))));
    let sql = Statements::for_kind(kind).revisions(expected.len());
    let current = session.fetch(&sql, &values, |cells| Ok((cells.ulid()?, cells.revision()?))).await?;
    match expected.iter().find(|record| !current.contains(record)) {
        Some((id, _)) => Err(CommitError::Conflict(Conflict::Revision(kind, *id))),
        None => Ok(()),
    }
}
