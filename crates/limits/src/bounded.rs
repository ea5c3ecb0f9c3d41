//! Buckets in bounded memory.

use std::collections::HashMap;

use kernel::Timestamp;

use crate::{
    bucket::{Bucket, BucketKey},
    quota::ArrivalTime,
};

/// How long after a sweep the next one may be, so that who fills the room can't make every call pay for one.
const SWEEP_MILLIS: i64 = 1000;

/// At most so many buckets of their own. Full buckets are forgotten when room is needed, since that loses nothing; while
/// there is none, newcomers share one overflow bucket of their sort.
pub(crate) struct Bounded {
    capacity: usize,
    own: HashMap<BucketKey, ArrivalTime>,
    shared: [ArrivalTime; Bucket::ALL.len()],
    swept_at: Option<Timestamp>,
}

impl Bounded {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, own: HashMap::new(), shared: [ArrivalTime::FULL; Bucket::ALL.len()], swept_at: None }
    }

    pub(crate) fn get(&mut self, key: &BucketKey, now: Timestamp) -> ArrivalTime {
        if let Some(bucket) = self.own.get(key) {
            *bucket
        } else if self.has_room(now) {
            ArrivalTime::FULL
        } else {
            self.shared[key.bucket() as usize]
        }
    }

    /// Keeps what became of a bucket that [`Self::get`] gave out at the same moment.
    pub(crate) fn set(&mut self, key: &BucketKey, bucket: ArrivalTime) {
        if self.own.len() < self.capacity || self.own.contains_key(key) {
            self.own.insert(*key, bucket);
        } else {
            // Two newcomers of one call may both have been given the last room: sharing must not refill what is shared.
            let shared = &mut self.shared[key.bucket() as usize];
            *shared = bucket.max(*shared);
        }
    }

    fn has_room(&mut self, now: Timestamp) -> bool {
        if self.own.len() < self.capacity {
            return true;
        }
        let due = self.swept_at.is_none_or(|last| (now.millis() - last.millis()).abs() >= SWEEP_MILLIS);
        if due {
            self.swept_at = Some(now);
            self.own.retain(|_, bucket| !bucket.is_full(now));
            self.own.shrink_to(self.own.len() * 2);
        }
        self.own.len() < self.capacity
    }
}

#[cfg(test)]
mod tests {
    use kernel::Id;
    use ulid::Ulid;

    use super::*;
    use crate::quota::Quota;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn pass(room: &mut Bounded, stranger: u128, now: Timestamp) -> bool {
        let key = BucketKey::TokenIssue(Id::new(Ulid::nil()), Ulid::from(stranger));
        let charged = Quota::per_minute(60).charge(room.get(&key, now), now);
        if let Ok(bucket) = charged {
            room.set(&key, bucket);
        }
        charged.is_ok()
    }

    #[test]
    fn memory_stays_bounded_however_many_come_and_newcomers_share_a_bucket() {
        let mut room = Bounded::new(10);
        let passed = (0..1000).filter(|stranger| pass(&mut room, *stranger, at(0))).count();
        assert_eq!(passed, 10 + 60, "ten with buckets of their own, and a bucketful that the others shared");
        assert_eq!(room.own.len(), 10);
        assert!(pass(&mut room, 3, at(0)), "who has a bucket keeps it");
    }

    #[test]
    fn buckets_that_are_full_again_make_room() {
        let mut room = Bounded::new(10);
        (0..100).for_each(|stranger| {
            pass(&mut room, stranger, at(0));
        });
        assert!(pass(&mut room, 200, at(1000)));
        assert_eq!(room.own.len(), 1, "one call of sixty a minute refills in a second");
    }

    #[test]
    fn an_emptied_bucket_is_never_forgotten_to_make_room() {
        let mut room = Bounded::new(2);
        while pass(&mut room, 1, at(0)) {}
        for stranger in 2..500 {
            pass(&mut room, stranger, at(900));
        }
        assert!(!pass(&mut room, 1, at(900)));
    }
}
