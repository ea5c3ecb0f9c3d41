//! Changesets that wait at the same time, stored by the statements of one: a row more in a statement costs a fraction of a
//! statement more. It is tried as if nothing stood in the way of any of them; where something does, nothing is stored, and
//! each comes to itself.

use std::{
    collections::BTreeSet,
    sync::{Arc, Weak},
};

use futures_util::future::BoxFuture;
use kernel::{
    Changeset, Claim, CommitError, Entry, Kind, OrganizationId, OutboxEvent, Revision, StandingProof, StoreError, Write,
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

/// How many records a changeset may store and still wait for others: a large one is statements of many rows by itself.
const SMALL: usize = 16;

/// What became of a changeset: `None` if it is to be stored by itself.
type Outcome = Option<Result<(), CommitError>>;

/// Commits that wait for the next transaction.
#[derive(Default)]
pub(crate) struct Together {
    waiting: Arc<Waiting<Weak<Changeset>, Outcome, Arc<Changeset>>>,
}

type Journey = Trip<Weak<Changeset>, Outcome, Arc<Changeset>>;

/// Why nothing was stored.
enum Undone {
    /// The one changeset there was is refused.
    Refused(CommitError),
    /// Something stood in the way of one of several.
    Parted,
    /// The transaction was lost, or never begun.
    Lost(StoreError),
}

impl From<StoreError> for Undone {
    fn from(error: StoreError) -> Self {
        Self::Lost(error)
    }
}

/// Something stands in the way of one of several.
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

/// Whether the changeset may be stored along with others. One that was decided upon records which another of them changes
/// may not: each would find what it expects, though after none of the two does the other.
pub(super) fn may_share(changeset: &Changeset) -> bool {
    let writes = changeset.writes();
    changeset.unchanged().is_empty() && writes.len() <= SMALL && distinct(writes.iter())
}

fn distinct<'w>(writes: impl ExactSizeIterator<Item = &'w Write>) -> bool {
    let count = writes.len();
    writes.map(|write| write.meta.ulid()).collect::<BTreeSet<_>>().len() == count
}

impl Together {
    /// Stores the changeset along with those that wait as well.
    pub(super) async fn store(
        &self,
        engine: &Arc<Engine>,
        check: Check,
        changeset: &Arc<Changeset>,
    ) -> Result<Outcome, StoreError> {
        let engine = Arc::clone(engine);
        let depart = move |trip: Arc<Journey>| {
            let arriving = Arc::clone(&trip);
            engine.write_together_apart(
                Sort::Commit,
                (check, trip),
                |(check, trip), session| travel(*check, trip, session),
                move |outcome| arrive(&arriving, outcome),
            );
        };
        // A trip only looks at what is held: it is in flight until the trip has arrived, and then no more.
        self.waiting.ask(Arc::downgrade(changeset), Arc::clone(changeset), depart).await
    }
}

fn arrive(trip: &Journey, outcome: Result<(), Undone>) {
    let all = |outcome: fn() -> Outcome| Ok(trip.board().iter().map(|_| outcome()).collect());
    trip.arrive(match outcome {
        Ok(()) => all(|| Some(Ok(()))),
        Err(Undone::Refused(error)) => Ok(vec![Some(Err(error))]),
        // It may be one of them that can't be stored.
        Err(Undone::Parted | Undone::Lost(StoreError::Corrupt(_))) => all(|| None),
        Err(Undone::Lost(error)) => Err(error),
    });
}

fn travel<'s>(check: Check, trip: &'s Journey, session: &'s Session) -> BoxFuture<'s, Result<(), Undone>> {
    Box::pin(async move {
        let changesets: Vec<Arc<Changeset>> = trip.board().iter().filter_map(Weak::upgrade).collect();
        match &changesets[..] {
            [one] => commit(session, check, one).await.map_err(Undone::Refused),
            several => commit_all(session, check, several).await.map_err(|InTheWay| Undone::Parted),
        }
    })
}

/// The steps of [`commit`], each for all of them. Keys and records are taken in their order, as by everybody who takes
/// several, so that no two wait for each other.
async fn commit_all(session: &Session, check: Check, changesets: &[Arc<Changeset>]) -> Result<(), InTheWay> {
    let each = || changesets.iter().map(|changeset| &**changeset);
    let mut claims: Vec<&Claim> = each().filter_map(Changeset::idempotency).collect();
    claims.sort_unstable_by_key(|claim| &claim.key);
    let mut writes: Vec<&Write> = each().flat_map(Changeset::writes).collect();
    writes.sort_unstable_by_key(|write| place(write));
    let proofs: BTreeSet<Proof> = each().filter_map(proof).collect();
    let changes_an_actor = |write: &Write| proofs.iter().any(|(_, account, _)| *account == write.meta.ulid());
    if !distinct(writes.iter().copied()) || writes.iter().any(|write| changes_an_actor(write)) {
        return Err(InTheWay);
    }
    let entries: Vec<&Entry> = each().flat_map(Changeset::entries).collect();
    let events: Vec<&OutboxEvent> = each().flat_map(Changeset::events).collect();
    let woken = each().flat_map(|changeset| lanes::woken_by(changeset.writes()));
    let check_proofs = proofs.iter().map(|(organization, account, revision)| -> Step<'_, InTheWay> {
        let proof = StandingProof { account: *account, revision: *revision };
        Box::pin(async move { Ok(check_proof(session, *organization, proof).await?) })
    });
    let mut steps: Vec<Step<'_, InTheWay>> =
        vec![Box::pin(take_keys(session, &claims)), Box::pin(async { Ok(hold(session, check, changesets).await?) })];
    steps.extend(check_proofs);
    steps.push(Box::pin(async { Ok(writes::store(session, &writes).await?) }));
    steps.push(Box::pin(async { Ok(audit::insert(session, &entries).await?) }));
    steps.push(Box::pin(async { Ok(outbox::insert(session, &events).await?) }));
    steps.push(Box::pin(async { Ok(lanes::wake(session, woken).await?) }));
    in_order(steps).await
}

/// On whose behalf a changeset was decided, and under which revision of theirs.
type Proof = (OrganizationId, Ulid, Revision);

fn proof(changeset: &Changeset) -> Option<Proof> {
    changeset.standing().map(|proof| (changeset.organization(), proof.account, proof.revision))
}

/// New records lie by what else is unique of them, which is what they may wait for.
fn place(write: &Write) -> (Kind, bool, Option<String>, Ulid) {
    let changes = write.expected.is_some();
    let key = if changes { None } else { write.record.unique_key().map(str::to_owned) };
    (write.record.kind(), changes, key, write.meta.ulid())
}

async fn take_keys(session: &Session, claims: &[&Claim]) -> Result<(), InTheWay> {
    if claims.is_empty() || idempotency::take_all(session, claims).await? { Ok(()) } else { Err(InTheWay) }
}

async fn hold(session: &Session, check: Check, changesets: &[Arc<Changeset>]) -> Result<(), StoreError> {
    match changesets.iter().map(|changeset| changeset.at()).min() {
        Some(earliest) => check.hold(session, earliest).await,
        None => Ok(()),
    }
}
