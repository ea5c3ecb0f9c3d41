//! Commits: the checks and writes of a changeset, in order.

mod together;

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use kernel::{
    ActorRevision, Changeset, CommitError, Conflict, Fingerprint, IdempotencyKey, Kind, Ledger, OrganizationId,
    Revision, StoreError, StoredResponse, Timestamp, WriteTimestamp,
};
use ulid::Ulid;

use crate::{
    audit,
    delivery_queue::lanes,
    engine::{Session, Sort, Sql, Step, Value, in_order},
    idempotency, outbox,
    presence::Check,
    statements::{Statements, padded},
    store::SqlStore,
    writes,
};

pub(crate) use together::Together;

static STANDING: LazyLock<Sql> = LazyLock::new(|| {
    Sql::fixed("SELECT revision FROM service_accounts WHERE organization_id = ? AND id = ?").locking()
});

#[async_trait]
impl Ledger for SqlStore {
    fn begin_write(&self) -> WriteTimestamp {
        self.in_flight.records.begin()
    }

    async fn commit(&self, changeset: Changeset) -> Result<(), CommitError> {
        let changeset = Arc::new(changeset);
        if !self.engine.is_in_process() && together::may_share(&changeset) {
            let stored = self.commits.store(&self.engine, self.presence.check(), &changeset).await?;
            if let Some(outcome) = stored {
                return outcome;
            }
        }
        let input = (self.presence.check(), changeset);
        self.engine
            .write_together(Sort::Commit, input, |(check, changeset), session| {
                Box::pin(commit(session, *check, changeset))
            })
            .await
    }

    async fn stored_response(
        &self,
        key: &IdempotencyKey,
        now: Timestamp,
    ) -> Result<Option<(Fingerprint, StoredResponse)>, StoreError> {
        let input = (key.clone(), now);
        self.engine.read_point(input, |(key, now), session| Box::pin(idempotency::answer(session, key, *now))).await
    }
}

/// Commits a changeset in the transaction of the session.
pub(crate) async fn commit(session: &Session, check: Check, changeset: &Changeset) -> Result<(), CommitError> {
    in_order(vec![
        Box::pin(take_key(session, changeset)),
        Box::pin(async { Ok(check.hold(session, changeset.at()).await?) }),
        Box::pin(check_standing(session, changeset)),
        Box::pin(check_unchanged(session, changeset)),
        Box::pin(writes::store(session, changeset.writes())),
        Box::pin(async { Ok(audit::insert(session, changeset.entries()).await?) }),
        Box::pin(async { Ok(outbox::insert(session, changeset.events()).await?) }),
        Box::pin(async { Ok(lanes::wake(session, lanes::woken_by(changeset.writes())).await?) }),
    ])
    .await
}

async fn take_key(session: &Session, changeset: &Changeset) -> Result<(), CommitError> {
    match changeset.idempotency() {
        Some(record) => idempotency::take(session, record, changeset.at()).await,
        None => Ok(()),
    }
}

async fn check_standing(session: &Session, changeset: &Changeset) -> Result<(), CommitError> {
    match changeset.actor_revision() {
        Some(actor) => check_proof(session, changeset.organization(), actor).await,
        None => Ok(()),
    }
}

async fn check_proof(session: &Session, organization: OrganizationId, actor: ActorRevision) -> Result<(), CommitError> {
    let values = [organization.into(), actor.account.into()];
    let current = session.fetch_one(&STANDING, &values, |cells| cells.revision()).await?;
    if current == Some(actor.revision) { Ok(()) } else { Err(CommitError::ActorChanged) }
}

async fn check_unchanged(session: &Session, changeset: &Changeset) -> Result<(), CommitError> {
    let step = |kind: Kind| -> Step<'_, CommitError> { Box::pin(check_kind_unchanged(session, changeset, kind)) };
    in_order(Kind::ALL.iter().copied().map(step).collect()).await
}

async fn check_kind_unchanged(session: &Session, changeset: &Changeset, kind: Kind) -> Result<(), CommitError> {
    let preconditions = changeset.preconditions().iter().filter(|(of_kind, ..)| *of_kind == kind);
    let expected: Vec<(Ulid, Revision)> = preconditions.map(|(_, id, revision)| (*id, *revision)).collect();
    if expected.is_empty() {
        return Ok(());
    }
    let mut values = vec![Value::from(changeset.organization())];
    values.extend(padded(expected.iter().map(|(id, _)| Value::from(*id))));
    let sql = Statements::of(kind).revisions(expected.len());
    let current = session.fetch(&sql, &values, |cells| Ok((cells.ulid()?, cells.revision()?))).await?;
    match expected.iter().find(|record| !current.contains(record)) {
        Some((id, _)) => Err(CommitError::Conflict(Conflict::Revision(kind, *id))),
        None => Ok(()),
    }
}
