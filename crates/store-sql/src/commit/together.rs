//! Merging of small changesets: those that wait at the same time are stored with the statements of one, since a further
//! row in a statement costs a fraction of a further statement. The merge assumes that none of them conflicts. If one
//! does, nothing is stored, and each is committed by itself.

use std::{
    collections::BTreeSet,
    sync::{Arc, Weak},
};

use futures_util::future::BoxFuture;
use kernel::{
    ActorRevision, Changeset, CommitError, Entry, IdempotencyRecord, Kind, OrganizationId, OutboxEvent, Revision,
    StoreError, Write,
};
use ulid::Ulid;

use super::{check_proof, commit};
use crate::{
    audit,
    coalesce::{Trip, Waiting},
    delivery_queue::lanes,
    engine::{Engine, Session, Sort, Step, in_order},
    idempotency, outbox,
    presence::Check,
    writes,
};

/// The maximum number of records of a changeset that is merged. The statements of larger ones have many rows already.
const SMALL: usize = 16;

/// The result of a changeset, or `None` if it must be committed by itself.
type Outcome = Option<Result<(), CommitError>>;

/// Collects changesets for the next merged transaction.
#[derive(Default)]
pub(crate) struct Together {
    waiting: Arc<Waiting<Weak<Changeset>, Outcome, Arc<Changeset>>>,
}

type Journey = Trip<Weak<Changeset>, Outcome, Arc<Changeset>>;

/// The reason why nothing was stored.
enum Undone {
    /// The only changeset of the batch was rejected.
    Refused(CommitError),
    /// One of several changesets conflicts, so each must be committed by itself.
    Parted,
    /// The transaction failed or did not begin.
    Lost(StoreError),
}

impl From<StoreError> for Undone {
    fn from(error: StoreError) -> Self {
        Self::Lost(error)
    }
}

/// One of several changesets can't be merged with the others.
struct InTheWay;

impl From<CommitError> for InTheWay {
    fn from(_: CommitError) -> Self {
        Self
    }
}

impl From<StoreError> for InTheWay {
    fn from(_: StoreError) -> Self {
        Self
    }
}

/// Whether the changeset may be merged with others. A changeset with preconditions must not be merged: two could each
/// see their precondition hold although neither order of running them one after the other allows both.
pub(super) fn may_share(changeset: &Changeset) -> bool {
    let writes = changeset.writes();
    changeset.preconditions().is_empty() && writes.len() <= SMALL && distinct(writes.iter())
}

fn distinct<'w>(writes: impl ExactSizeIterator<Item = &'w Write>) -> bool {
    let count = writes.len();
    writes.map(|write| write.meta.ulid()).collect::<BTreeSet<_>>().len() == count
}

impl Together {
    /// Stores the changeset, merged with other waiting ones. `None` if it must be committed by itself.
    pub(super) async fn store(
        &self,
        engine: &Arc<Engine>,
        check: Check,
        changeset: &Arc<Changeset>,
    ) -> Result<Outcome, StoreError> {
        let engine = Arc::clone(engine);
        let dispatch = move |batch: Arc<Journey>| {
            let completing = Arc::clone(&batch);
            engine.write_together_apart(
                Sort::Commit,
                (check, batch),
                |(check, batch), session| travel(*check, batch, session),
                move |outcome| arrive(&completing, outcome),
            );
        };
        // The item is a weak reference; the guard owns the changeset, so that it is in flight exactly until the batch
        // completes.
        self.waiting.ask(Arc::downgrade(changeset), Arc::clone(changeset), dispatch).await
    }
}

fn arrive(batch: &Journey, outcome: Result<(), Undone>) {
    let all = |outcome: fn() -> Outcome| Ok(batch.board().iter().map(|_| outcome()).collect());
    batch.arrive(match outcome {
        Ok(()) => all(|| Some(Ok(()))),
        Err(Undone::Refused(error)) => Ok(vec![Some(Err(error))]),
        // A single changeset may be the one that can't be stored.
        Err(Undone::Parted | Undone::Lost(StoreError::Corrupt(_))) => all(|| None),
        Err(Undone::Lost(error)) => Err(error),
    });
}

fn travel<'s>(check: Check, batch: &'s Journey, session: &'s Session) -> BoxFuture<'s, Result<(), Undone>> {
    Box::pin(async move {
        let changesets: Vec<Arc<Changeset>> = batch.board().iter().filter_map(Weak::upgrade).collect();
        match &changesets[..] {
            [one] => commit(session, check, one).await.map_err(Undone::Refused),
            several => commit_all(session, check, several).await.map_err(|InTheWay| Undone::Parted),
        }
    })
}

/// Runs each step of [`commit`] for all changesets. Keys and records are locked in sort order, as in every transaction
/// that locks several, so that no two transactions deadlock.
async fn commit_all(session: &Session, check: Check, changesets: &[Arc<Changeset>]) -> Result<(), InTheWay> {
    let each = || changesets.iter().map(|changeset| &**changeset);
    let mut records: Vec<&IdempotencyRecord> = each().filter_map(Changeset::idempotency).collect();
    records.sort_unstable_by_key(|record| &record.key);
    let mut writes: Vec<&Write> = each().flat_map(Changeset::writes).collect();
    writes.sort_unstable_by_key(|write| place(write));
    let actors: BTreeSet<Proof> = each().filter_map(proof).collect();
    let changes_an_actor = |write: &Write| actors.iter().any(|(_, account, _)| *account == write.meta.ulid());
    if !distinct(writes.iter().copied()) || writes.iter().any(|write| changes_an_actor(write)) {
        return Err(InTheWay);
    }
    let entries: Vec<&Entry> = each().flat_map(Changeset::entries).collect();
    let events: Vec<&OutboxEvent> = each().flat_map(Changeset::events).collect();
    let due = each().flat_map(|changeset| lanes::woken_by(changeset.writes()));
    let check_actors = actors.iter().map(|(organization, account, revision)| -> Step<'_, InTheWay> {
        let actor = ActorRevision { account: *account, revision: *revision };
        Box::pin(async move { Ok(check_proof(session, *organization, actor).await?) })
    });
    let mut steps: Vec<Step<'_, InTheWay>> =
        vec![Box::pin(take_keys(session, &records)), Box::pin(async { Ok(hold(session, check, changesets).await?) })];
    steps.extend(check_actors);
    steps.push(Box::pin(async { Ok(writes::store(session, &writes).await?) }));
    steps.push(Box::pin(async { Ok(audit::insert(session, &entries).await?) }));
    steps.push(Box::pin(async { Ok(outbox::insert(session, &events).await?) }));
    steps.push(Box::pin(async { Ok(lanes::wake(session, due).await?) }));
    in_order(steps).await
}

/// The actor of a changeset, with the revision that must still be current.
type Proof = (OrganizationId, Ulid, Revision);

fn proof(changeset: &Changeset) -> Option<Proof> {
    changeset.actor_revision().map(|actor| (changeset.organization(), actor.account, actor.revision))
}

/// The order in which records are locked. New records are sorted by their unique key, on which they may wait for
/// others.
fn place(write: &Write) -> (Kind, bool, Option<String>, Ulid) {
    let is_update = write.expected.is_some();
    let key = if is_update { None } else { write.record.unique_key().map(str::to_owned) };
    (write.record.kind(), is_update, key, write.meta.ulid())
}

async fn take_keys(session: &Session, records: &[&IdempotencyRecord]) -> Result<(), InTheWay> {
    if records.is_empty() || idempotency::take_all(session, records).await? { Ok(()) } else { Err(InTheWay) }
}

async fn hold(session: &Session, check: Check, changesets: &[Arc<Changeset>]) -> Result<(), StoreError> {
    match changesets.iter().map(|changeset| changeset.at()).min() {
        Some(earliest) => check.hold(session, earliest).await,
        None => Ok(()),
    }
}
