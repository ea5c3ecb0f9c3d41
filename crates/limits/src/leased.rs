//! Limits of an installation of several servers.

mod ledger;
mod slice;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{FutureExt as _, future::BoxFuture};
use kernel::{StoreError, Timestamp};

use crate::{
    bucket::BucketKey,
    decision::{Decision, nearest, refusal},
    quota::ArrivalTime,
    shared::{SharedBuckets, Take},
    store::{Charge, LimitStore},
};
use ledger::{Ledger, Question, Record, Records, Waiting, make_room};

/// How often a call asks the shared buckets, at most: each time others may have used up what came.
const ROUNDS: usize = 32;

/// How many buckets are given back at once.
const TOGETHER: usize = 64;

/// Runs something to its end, though nobody waits for it.
pub type Spawn = fn(BoxFuture<'static, ()>);

/// Keeps the limits of an installation: takes slices out of [`SharedBuckets`] and lets calls through by them, most without
/// any input or output.
///
/// At low rates a slice is one call, and limits are exact. Slices grow with the pace of the server's own calls, to half a
/// second's worth, and to a fiftieth of what the bucket holds or a thousandth of the quota. What was not used within a
/// second goes back: [`Self::hand_back`] is to be called about so often. For a server alone limits are exact at any pace.
/// With several, whatever their number, what passes in a minute was taken in that minute and the second before: some 2 %
/// of the quota more at most.
pub struct LeasedLimits {
    shared: Arc<dyn SharedBuckets>,
    spawn: Spawn,
    capacity: usize,
    ledger: Ledger,
}

/// What a call finds.
enum Found {
    Decision(Decision),
    /// A question to wait for, which this call is to send where it is its own.
    Question {
        question: Question,
        own: bool,
        waiting: Waiting,
    },
}

impl LeasedLimits {
    /// Over these buckets. Remembers about `capacity` of them, in some 200 bytes each.
    #[must_use]
    pub fn new(shared: Arc<dyn SharedBuckets>, spawn: Spawn, capacity: usize) -> Self {
        Self { shared, spawn, capacity, ledger: Ledger::default() }
    }

    /// Gives back what has been held for too long, and forgets what nobody needs.
    ///
    /// # Errors
    /// [`StoreError`] when the shared buckets can't be reached; what was to go back is then lost until it refills.
    pub async fn hand_back(&self, now: Timestamp) -> Result<(), StoreError> {
        self.give_back(now, |_, record| record.slice.is_idle(now)).await?;
        self.ledger.lock().retain(|_, record| record.is_in_use() || !record.slice.is_blank(now));
        Ok(())
    }

    /// Gives back everything that is held: for a server that stops.
    ///
    /// # Errors
    /// As [`Self::hand_back`].
    pub async fn hand_back_all(&self, now: Timestamp) -> Result<(), StoreError> {
        self.give_back(now, |_, record| record.slice.is_held()).await
    }

    async fn give_back(
        &self,
        now: Timestamp,
        which: impl Fn(&BucketKey, &Record) -> bool + Send + Sync,
    ) -> Result<(), StoreError> {
        loop {
            let question = {
                let mut records = self.ledger.lock();
                let due = records.iter_mut().filter(|(key, record)| !record.is_in_use() && which(key, record));
                let takes: Vec<Take> =
                    due.take(TOGETHER).map(|(key, record)| record.slice.give_back(*key, now)).collect();
                if takes.is_empty() {
                    return Ok(());
                }
                self.question(&mut records, takes, now)
            };
            self.send(&question);
            question.await.map_err(again)?;
        }
    }

    /// Decides by what is held and known, or finds what to ask.
    fn look(&self, charges: &[Charge], now: Timestamp) -> Found {
        let mut records = self.ledger.lock();
        make_room(&mut records, self.capacity, now);
        for charge in charges {
            records.entry(charge.key).or_insert_with(|| Record::of(charge)).slice.under(charge.quota);
        }
        match decide(&mut records, charges, now) {
            Ok(decision) => Found::Decision(decision),
            Err(missing) => self.ask(&mut records, missing, now),
        }
    }

    fn ask(&self, records: &mut Records, missing: Vec<BucketKey>, now: Timestamp) -> Found {
        let under_way = missing.iter().find_map(|key| records.get(key)?.question.clone());
        let waiting = self.ledger.wait(records, missing.clone());
        let mut exchange = |key: &BucketKey| {
            let record = records.get_mut(key).filter(|record| record.question.is_none())?;
            Some(record.slice.exchange(*key, record.waiting, now))
        };
        let takes: Vec<Take> = missing.iter().filter_map(&mut exchange).collect();
        match under_way {
            Some(question) if takes.is_empty() => Found::Question { question, own: false, waiting },
            _ => Found::Question { question: self.question(records, takes, now), own: true, waiting },
        }
    }

    /// A question, noted with its buckets but not sent: who sends it must not hold the lock.
    fn question(&self, records: &mut Records, takes: Vec<Take>, now: Timestamp) -> Question {
        let keys: Vec<BucketKey> = takes.iter().map(|take| take.key).collect();
        let (shared, ledger) = (Arc::clone(&self.shared), self.ledger.clone());
        let answered = async move {
            let answer = shared.take(&takes, now).await;
            let mut records = ledger.lock();
            for (place, take) in takes.iter().enumerate() {
                let Some(record) = records.get_mut(&take.key) else { continue };
                record.question = None;
                if let Some(taken) = answer.as_ref().ok().and_then(|taken| taken.get(place)) {
                    record.slice.receive(*taken, now);
                }
            }
            answer.map(drop).map_err(Arc::new)
        };
        let question = answered.boxed().shared();
        for key in keys {
            if let Some(record) = records.get_mut(&key) {
                record.question = Some(question.clone());
            }
        }
        question
    }

    fn send(&self, question: &Question) {
        (self.spawn)(question.clone().map(drop).boxed());
    }
}

#[async_trait]
impl LimitStore for LeasedLimits {
    async fn charge(&self, charges: &[Charge], now: Timestamp) -> Result<Decision, StoreError> {
        let mut asked = false;
        for _ in 0..ROUNDS {
            match self.look(charges, now) {
                Found::Decision(decision) => {
                    if asked && matches!(decision, Decision::Refused { .. }) {
                        // Who is refused is charged nowhere. Where that fails, what was taken refills by itself.
                        let own = |key: &BucketKey| charges.iter().any(|charge| charge.key == *key);
                        let _ = self.give_back(now, |key, record| own(key) && record.slice.is_untouched()).await;
                    }
                    return Ok(decision);
                }
                Found::Question { question, own, waiting } => {
                    if own {
                        asked = true;
                        self.send(&question);
                    }
                    question.await.map_err(again)?;
                    drop(waiting);
                }
            }
        }
        Err(StoreError::Unavailable("too many calls at once wait for one bucket".into()))
    }
}

/// Charges all of these buckets or none, by what is held and known of them; else says which have to be asked.
fn decide(records: &mut Records, charges: &[Charge], now: Timestamp) -> Result<Decision, Vec<BucketKey>> {
    let (mut empty, mut missing) = (Vec::new(), Vec::new());
    let mut is_refused = false;
    for charge in charges {
        match records.get(&charge.key).map(|record| record.slice) {
            Some(slice) if slice.has_call(now) => {}
            Some(slice) if slice.was_empty(now) => {
                empty.push((*charge, slice.bucket()));
                if slice.refuses(now) {
                    is_refused = true;
                } else {
                    missing.push(charge.key);
                }
            }
            _ => missing.push(charge.key),
        }
    }
    // What is not known well enough to refuse by counts all the same for how long a caller who is refused is to wait.
    if is_refused && let Some(refused) = refusal(&empty, now) {
        return Ok(refused);
    }
    if !missing.is_empty() {
        return Err(missing);
    }
    let mut spend = |charge: &Charge| {
        let record = records.get_mut(&charge.key)?;
        record.slice.spend(now);
        Some((*charge, record.slice.bucket()))
    };
    let spent: Vec<(Charge, ArrivalTime)> = charges.iter().filter_map(&mut spend).collect();
    Ok(Decision::Allowed { nearest: nearest(&spent, now) })
}

/// The same failure, for each call that waited for the answer.
fn again(error: Arc<StoreError>) -> StoreError {
    match *error {
        StoreError::Unavailable(_) => StoreError::Unavailable(Box::new(error)),
        StoreError::Corrupt(_) => StoreError::Corrupt(Box::new(error)),
    }
}
