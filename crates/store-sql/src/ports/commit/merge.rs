//! Merging of small changesets: those that wait at the same time are stored with the statements of one, since a further
//! row in a statement costs a fraction of a further statement. The merge assumes that none of them conflicts. If one
//! does, nothing is stored, and each is committed by itself.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    sync::{Arc, Weak},
};

use audit_store::RowWriter;
use futures_util::future::BoxFuture;
use kernel::{
    ActorRevision, Changeset, CommitError, Entry, IdempotencyRecord, Kind, OrganizationId, OutboxEvent, Revision,
    StoreError, Write,
};
use ulid::Ulid;

use super::{check_actor_revision, commit};
use crate::{
    batching::{Batcher, CallBatch},
    engine::{CommitClass, Engine, Session, Step, pipeline},
    ports::{
        audit::EntryRows,
        delivery_queue::{partitions, queued},
        idempotency, outbox,
    },
    records::writes,
    writer_registry::RegistrationCheck,
};

/// The maximum number of records of a changeset that is merged. The statements of larger ones have many rows already.
const MAX_MERGED_WRITES: usize = 16;

/// The result of a changeset, or `None` if it must be committed by itself.
type Outcome = Option<Result<(), CommitError>>;

/// Collects changesets for the next merged transaction.
#[derive(Default)]
pub(crate) struct CommitBatcher {
    batcher: Arc<ChangesetBatcher>,
}

type ChangesetBatcher = Batcher<Weak<Changeset>, Outcome, Arc<Changeset>>;

type CommitBatch = CallBatch<Weak<Changeset>, Outcome, Arc<Changeset>>;

/// The reason why nothing was stored.
enum MergeFailure {
    /// The only changeset of the batch was rejected.
    Rejected(CommitError),
    /// Several changesets were not merged, so each must be committed by itself.
    NotMerged(MergeConflict),
    /// The transaction failed or did not begin.
    Store(StoreError),
}

impl From<StoreError> for MergeFailure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The reason why several changesets were not merged.
enum MergeConflict {
    /// One of them conflicts, with another or with what is stored.
    Conflict,
    /// A statement failed.
    Store(StoreError),
}

impl From<CommitError> for MergeConflict {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Store(error) => Self::Store(error),
            _ => Self::Conflict,
        }
    }
}

impl From<StoreError> for MergeConflict {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Whether the changeset may be merged with others. A changeset with preconditions must not be merged: two could each
/// see their precondition hold although neither order of running them one after the other allows both. One that changes
/// what is stored outside of the database is not merged, because several may change the same count.
pub(super) fn can_merge(changeset: &Changeset) -> bool {
    let writes = changeset.writes();
    changeset.preconditions().is_empty()
        && changeset.usage().is_empty()
        && writes.len() <= MAX_MERGED_WRITES
        && are_distinct(writes.iter())
}

fn are_distinct<'w>(writes: impl ExactSizeIterator<Item = &'w Write>) -> bool {
    let count = writes.len();
    writes.map(|write| write.meta.ulid()).collect::<BTreeSet<_>>().len() == count
}

impl CommitBatcher {
    /// Stores the changeset, merged with other waiting ones. `None` if it must be committed by itself.
    pub(super) async fn store(
        &self,
        engine: &Arc<Engine>,
        writer: &Arc<RowWriter>,
        check: RegistrationCheck,
        changeset: &Arc<Changeset>,
    ) -> Result<Outcome, StoreError> {
        let (engine, writer, retried) = (Arc::clone(engine), Arc::clone(writer), Arc::clone(&self.batcher));
        let dispatch = move |batch: Arc<CommitBatch>| {
            let rows = EntryRows::new(&writer);
            let (completing, stored) = (Arc::clone(&batch), Arc::clone(&rows));
            engine.spawn_write_grouped(
                CommitClass::Commit,
                (check, batch, rows),
                |(check, batch, rows), session| execute(*check, batch, rows, session),
                move |outcome| {
                    if outcome.is_ok() {
                        stored.mark_stored();
                    }
                    complete(&retried, &completing, outcome);
                },
            );
        };
        // The item is a weak reference; the guard owns the changeset, so that it is in flight exactly until the batch
        // completes.
        self.batcher.submit(Arc::downgrade(changeset), Arc::clone(changeset), dispatch).await
    }
}

fn complete(batcher: &ChangesetBatcher, batch: &CommitBatch, outcome: Result<(), MergeFailure>) {
    let all = |outcome: fn() -> Outcome| Ok(batch.items().iter().map(|_| outcome()).collect());
    batch.complete(match outcome {
        Ok(()) => all(|| Some(Ok(()))),
        Err(MergeFailure::Rejected(error)) => Ok(vec![Some(Err(error))]),
        // A single changeset may be the one that can't be stored.
        Err(MergeFailure::NotMerged(conflict)) => {
            if let MergeConflict::Store(error @ StoreError::Corrupt(_)) = &conflict {
                batcher.log_retry(error);
            }
            all(|| None)
        }
        Err(MergeFailure::Store(StoreError::Corrupt(_))) => all(|| None),
        Err(MergeFailure::Store(error)) => Err(error),
    });
}

fn execute<'s>(
    check: RegistrationCheck,
    batch: &'s CommitBatch,
    rows: &'s EntryRows,
    session: &'s Session,
) -> BoxFuture<'s, Result<(), MergeFailure>> {
    Box::pin(async move {
        let changesets: Vec<Arc<Changeset>> = batch.items().iter().filter_map(Weak::upgrade).collect();
        match &changesets[..] {
            [one] => commit(session, check, one, rows).await.map_err(MergeFailure::Rejected),
            several => commit_merged(session, check, several, rows).await.map_err(MergeFailure::NotMerged),
        }
    })
}

/// Runs each step of [`commit`] for all changesets. Keys and records are locked in sort order, as in every transaction
/// that locks several, so that no two transactions deadlock.
async fn commit_merged(
    session: &Session,
    check: RegistrationCheck,
    changesets: &[Arc<Changeset>],
    rows: &EntryRows,
) -> Result<(), MergeConflict> {
    let each = || changesets.iter().map(|changeset| &**changeset);
    let mut records: Vec<&IdempotencyRecord> = each().filter_map(Changeset::idempotency).collect();
    records.sort_unstable_by_key(|record| &record.key);
    let mut writes: Vec<&Write> = each().flat_map(Changeset::writes).collect();
    writes.sort_unstable_by_key(|write| sort_key(write));
    let actors: BTreeSet<ActorKey> = each().filter_map(actor_key).collect();
    let changes_an_actor = |write: &Write| actors.iter().any(|(_, _, id, _)| *id == write.meta.ulid());
    if !are_distinct(writes.iter().copied()) || writes.iter().any(|write| changes_an_actor(write)) {
        return Err(MergeConflict::Conflict);
    }
    queued::prepare_commit(session, &writes, &[]).await?;
    let entries: Vec<&Entry> = each().flat_map(Changeset::entries).collect();
    let events: Vec<&OutboxEvent> = each().flat_map(Changeset::events).collect();
    let due = each().flat_map(partitions::partitions_touched_by);
    let check_actors = actors.iter().map(|(organization, kind, id, revision)| -> Step<'_, MergeConflict> {
        let actor = ActorRevision { kind: *kind, id: *id, revision: *revision };
        Box::pin(async move { Ok(check_actor_revision(session, *organization, actor).await?) })
    });
    let mut steps: Vec<Step<'_, MergeConflict>> = vec![
        Box::pin(store_idempotency_records(session, &records)),
        Box::pin(async { Ok(lock_registration(session, check, changesets).await?) }),
    ];
    steps.extend(check_actors);
    steps.push(Box::pin(async { Ok(writes::store(session, &writes).await?) }));
    steps.push(Box::pin(async { Ok(rows.insert(session, &entries).await?) }));
    steps.push(Box::pin(async { Ok(outbox::insert(session, &events).await?) }));
    steps.push(Box::pin(async { Ok(partitions::mark_due(session, due).await?) }));
    pipeline(steps).await
}

/// The actor of a changeset, with the revision that must still be current.
type ActorKey = (OrganizationId, Kind, Ulid, Revision);

fn actor_key(changeset: &Changeset) -> Option<ActorKey> {
    changeset.actor_revision().map(|actor| (changeset.organization(), actor.kind, actor.id, actor.revision))
}

/// The order in which records are locked. New records are sorted by their unique key or identity, on which they may wait for
/// others.
fn sort_key(write: &Write) -> (Kind, bool, Option<String>, Ulid) {
    let is_update = write.expected.is_some();
    let key = if is_update { None } else { write.record.unique_value().map(Cow::into_owned) };
    (write.record.kind(), is_update, key, write.meta.ulid())
}

async fn store_idempotency_records(session: &Session, records: &[&IdempotencyRecord]) -> Result<(), MergeConflict> {
    if records.is_empty() || idempotency::insert_all(session, records).await? {
        Ok(())
    } else {
        Err(MergeConflict::Conflict)
    }
}

async fn lock_registration(
    session: &Session,
    check: RegistrationCheck,
    changesets: &[Arc<Changeset>],
) -> Result<(), StoreError> {
    match changesets.iter().map(|changeset| changeset.at()).min() {
        Some(earliest) => check.lock(session, earliest).await,
        None => Ok(()),
    }
}
