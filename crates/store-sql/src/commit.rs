//! Commits: what they check, in which order, and what they store.

use std::sync::LazyLock;

use async_trait::async_trait;
use kernel::{
    Answer, Changeset, Clash, CommitError, Fingerprint, IdempotencyKey, Kind, Ledger, Revision, Stamp, StoreError,
    Timestamp,
};
use ulid::Ulid;

use crate::{
    audit,
    engine::{Session, Sql, Value},
    idempotency, outbox,
    presence::Check,
    statements::{Statements, padded},
    store::SqlStore,
    writes,
};

static STANDING: LazyLock<Sql> = LazyLock::new(|| {
    Sql::fixed("SELECT revision FROM service_accounts WHERE organization_id = ? AND id = ?").locking()
});

#[async_trait]
impl Ledger for SqlStore {
    fn begin(&self) -> Stamp {
        self.in_flight.records.begin()
    }

    async fn commit(&self, changeset: Changeset) -> Result<(), CommitError> {
        let given = (self.presence.check(), changeset);
        self.engine.write(given, |(check, changeset), session| Box::pin(commit(session, *check, changeset))).await
    }

    async fn answer(&self, key: &IdempotencyKey, now: Timestamp) -> Result<Option<(Fingerprint, Answer)>, StoreError> {
        let given = (key.clone(), now);
        self.engine.read_point(given, |(key, now), session| Box::pin(idempotency::answer(session, key, *now))).await
    }
}

async fn commit(session: &mut Session, check: Check, changeset: &Changeset) -> Result<(), CommitError> {
    if let Some(claim) = changeset.idempotency() {
        idempotency::take(session, claim, changeset.at()).await?;
    }
    check.hold(session, changeset).await?;
    check_standing(session, changeset).await?;
    check_unchanged(session, changeset).await?;
    writes::store(session, changeset.writes()).await?;
    audit::insert(session, changeset.entries()).await?;
    outbox::insert(session, changeset.events()).await?;
    Ok(())
}

async fn check_standing(session: &mut Session, changeset: &Changeset) -> Result<(), CommitError> {
    let Some(proof) = changeset.standing() else { return Ok(()) };
    let values = [changeset.organization().into(), proof.account.into()];
    let present = session.fetch_one(&STANDING, &values, |cells| cells.revision()).await?;
    if present == Some(proof.revision) { Ok(()) } else { Err(CommitError::StandingChanged) }
}

async fn check_unchanged(session: &mut Session, changeset: &Changeset) -> Result<(), CommitError> {
    for &kind in Kind::ALL {
        let of_kind = changeset.unchanged().iter().filter(|(of, ..)| *of == kind);
        let expected: Vec<(Ulid, Revision)> = of_kind.map(|(_, id, revision)| (*id, *revision)).collect();
        if expected.is_empty() {
            continue;
        }
        let mut values = vec![Value::from(changeset.organization())];
        values.extend(padded(expected.iter().map(|(id, _)| Value::from(*id))));
        let sql = Statements::of(kind).revisions(expected.len());
        let present = session.fetch(&sql, &values, |cells| Ok((cells.ulid()?, cells.revision()?))).await?;
        if let Some((id, _)) = expected.iter().find(|one| !present.contains(one)) {
            return Err(CommitError::Conflict(Clash::Revision(kind, *id)));
        }
    }
    Ok(())
}
