//! The contract of the shared rate-limit buckets, as a suite of tests for each implementation; [`crate::suite`] is the
//! same for stores.
//!
//! ```
//! # use novantra_store_contract as store_contract;
//! use std::sync::Arc;
//!
//! use store_contract::{MemoryBuckets, OpenedBuckets};
//!
//! /// New buckets that no other test uses.
//! async fn open() -> OpenedBuckets {
//!     OpenedBuckets::new(Arc::new(MemoryBuckets::default()))
//! }
//!
//! store_contract::shared_buckets_suite!(open);
//! ```

mod memory;

use std::{any::Any, collections::BTreeMap, net::IpAddr, sync::Arc};

use kernel::{Entropy as _, Id, OrganizationId, Timestamp};
use limits::{ArrivalTime, BucketKey, Exchange, ExchangeResult, Peer, Quota, SharedBuckets};
use ulid::Ulid;

pub use memory::MemoryBuckets;

use crate::{TestClock, TestEntropy};

const NOW: Timestamp = TestClock::START;
const HOME: OrganizationId = Id::new(Ulid(7));

/// The buckets under test, with a guard that must outlive them.
pub struct OpenedBuckets {
    buckets: Arc<dyn SharedBuckets>,
    _guard: Box<dyn Any + Send>,
}

impl OpenedBuckets {
    /// Wraps buckets that need no guard.
    #[must_use]
    pub fn new(buckets: Arc<dyn SharedBuckets>) -> Self {
        Self { buckets, _guard: Box::new(()) }
    }

    /// Adds a guard that must outlive the buckets.
    #[must_use]
    pub fn with_guard(self, guard: impl Any + Send) -> Self {
        Self { _guard: Box::new(guard), ..self }
    }

    /// The buckets under test.
    #[must_use]
    pub fn buckets(&self) -> &Arc<dyn SharedBuckets> {
        &self.buckets
    }

    async fn exchange(&self, takes: &[Exchange], now: Timestamp) -> Vec<ExchangeResult> {
        let taken = self.buckets.exchange(takes, now).await.unwrap();
        assert_eq!(taken.len(), takes.len());
        taken
    }

    async fn granted_calls(&self, takes: &[Exchange], now: Timestamp) -> Vec<u32> {
        self.exchange(takes, now).await.into_iter().map(|taken| taken.granted).collect()
    }
}

/// Generates the suite as tests of the buckets that `$open` opens: an `async fn() -> OpenedBuckets`.
#[macro_export]
macro_rules! shared_buckets_suite {
    ($open:path) => {
        $crate::shared_buckets_suite! { $open =>
            taken_calls_are_unavailable_until_the_bucket_refills
            returned_calls_can_be_taken_again
            a_bucket_of_a_clock_that_was_set_back_refills_from_then_on
            an_empty_bucket_does_not_affect_other_buckets
            every_key_has_its_own_bucket
            any_sequence_of_exchanges_matches_the_model
            concurrent_exchanges_grant_exactly_the_quota
            many_buckets_are_exchanged_in_one_call
            only_full_buckets_are_deleted
        }
    };
    ($open:path => $($test:ident)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            $crate::buckets::$test($open().await).await;
        })*
    };
}

fn millis_later(millis: i64) -> Timestamp {
    Timestamp::from_millis(NOW.millis() + millis)
}

fn account(number: u128) -> BucketKey {
    BucketKey::TokenRead(HOME, Ulid::from(number))
}

fn exchange(key: BucketKey, per_minute: u32, wanted: u32) -> Exchange {
    Exchange { key, quota: Quota::per_minute(per_minute), at_least: ArrivalTime::FULL, returned: 0, wanted }
}

pub async fn taken_calls_are_unavailable_until_the_bucket_refills(opened: OpenedBuckets) {
    let some = |wanted| [exchange(account(1), 60, wanted)];
    assert_eq!(opened.granted_calls(&some(50), NOW).await, [50]);
    assert_eq!(opened.granted_calls(&some(50), NOW).await, [10]);
    assert_eq!(opened.granted_calls(&some(1), NOW).await, [0]);
    assert_eq!(opened.granted_calls(&some(5), millis_later(2999)).await, [2]);
    let taken = opened.exchange(&some(5), millis_later(3000)).await;
    assert_eq!(taken, [ExchangeResult { granted: 1, bucket: ArrivalTime(millis_later(63_000).millis() * 1000) }]);
    assert_eq!(opened.granted_calls(&some(100), millis_later(200_000)).await, [60]);
}

pub async fn returned_calls_can_be_taken_again(opened: OpenedBuckets) {
    let exchange = |returned, wanted| [Exchange { returned, ..exchange(account(1), 60, wanted) }];
    assert_eq!(opened.granted_calls(&exchange(0, 60), NOW).await, [60]);
    assert_eq!(opened.granted_calls(&exchange(7, 0), NOW).await, [0]);
    assert_eq!(opened.granted_calls(&exchange(0, 9), NOW).await, [7]);
    assert_eq!(opened.granted_calls(&exchange(3, 5), NOW).await, [3]);
    assert_eq!(opened.granted_calls(&exchange(200, 200), NOW).await, [60]);
}

pub async fn a_bucket_of_a_clock_that_was_set_back_refills_from_then_on(opened: OpenedBuckets) {
    let hours_ahead = millis_later(2 * 3_600_000);
    let ahead = opened.exchange(&[exchange(account(1), 60, 60)], hours_ahead).await[0].bucket;
    // The server's own calls were at the wrong time, too.
    let some = [Exchange { at_least: ahead, ..exchange(account(1), 60, 5) }];
    assert_eq!(opened.granted_calls(&some, NOW).await, [0]);
    assert_eq!(opened.granted_calls(&some[..], millis_later(0)).await, [0]);
    let later = [exchange(account(1), 60, 5)];
    assert_eq!(opened.granted_calls(&later, millis_later(3000)).await, [3]);
}

pub async fn an_empty_bucket_does_not_affect_other_buckets(opened: OpenedBuckets) {
    assert_eq!(opened.granted_calls(&[exchange(account(1), 5, 5)], NOW).await, [5]);
    let both = [exchange(account(2), 5, 3), exchange(account(1), 5, 3)];
    assert_eq!(opened.granted_calls(&both, NOW).await, [3, 0]);
    assert_eq!(opened.granted_calls(&both, NOW).await, [2, 0]);
}

pub async fn every_key_has_its_own_bucket(opened: OpenedBuckets) {
    let peer = |address: &str| Peer::from(address.parse::<IpAddr>().unwrap());
    let one = Ulid::from(1_u128);
    let keys = [
        BucketKey::TokenRead(HOME, one),
        BucketKey::TokenWrite(HOME, one),
        BucketKey::TokenIssue(HOME, one),
        BucketKey::Organization(HOME),
        BucketKey::Organization(Id::new(one)),
        BucketKey::TokenRead(Id::new(one), one),
        BucketKey::TokenRead(HOME, Ulid::from(2_u128)),
        BucketKey::TokenFailure(one, peer("192.0.2.1")),
        BucketKey::TokenFailure(one, peer("192.0.2.2")),
        BucketKey::TokenFailure(Ulid::from(2_u128), peer("192.0.2.1")),
        BucketKey::TokenFailureAddress(peer("192.0.2.1")),
        BucketKey::TokenFailureAddress(peer("2001:db8:1:2::1")),
        BucketKey::TokenFailureAddress(peer("2001:db8:1:3::1")),
    ];
    for key in keys {
        assert_eq!(opened.granted_calls(&[exchange(key, 1, 1)], NOW).await, [1], "{key:?}");
    }
    for key in keys {
        assert_eq!(opened.granted_calls(&[exchange(key, 1, 1)], NOW).await, [0], "{key:?}");
    }
}

pub async fn any_sequence_of_exchanges_matches_the_model(opened: OpenedBuckets) {
    let entropy = TestEntropy::default();
    let draw = |below: u32| {
        let mut bytes = [0; 4];
        entropy.fill(&mut bytes);
        u32::from_le_bytes(bytes) % below
    };
    let mut model: BTreeMap<BucketKey, ArrivalTime> = BTreeMap::new();
    let mut now = NOW;
    for step in 0..300 {
        // The clock also steps back now and then, because the clocks of servers differ.
        now = Timestamp::from_millis(now.millis() + i64::from(draw(4000)) - 500);
        let first = draw(4);
        let takes: Vec<Exchange> = (0..=draw(4))
            .map(|index| {
                let key = account(u128::from((first + index) % 5));
                let bucket_in_model = model.get(&key).filter(|_| draw(3) == 0);
                let at_least = bucket_in_model
                    .map_or(ArrivalTime::FULL, |bucket| ArrivalTime(bucket.0 + i64::from(draw(900_000))));
                Exchange {
                    at_least,
                    returned: draw(8),
                    ..exchange(key, [7, 60, 1_000_000][draw(3) as usize], draw(30))
                }
            })
            .collect();
        let expected: Vec<ExchangeResult> = takes
            .iter()
            .map(|take| {
                let taken = take.apply(*model.get(&take.key).unwrap_or(&ArrivalTime::FULL), now);
                model.insert(take.key, taken.bucket);
                taken
            })
            .collect();
        assert_eq!(opened.exchange(&takes, now).await, expected, "step {step}: {takes:?}");
    }
}

pub async fn concurrent_exchanges_grant_exactly_the_quota(opened: OpenedBuckets) {
    let server = |server: u128| {
        let buckets = Arc::clone(opened.buckets());
        async move {
            // Each server lists the buckets in its own order, which must not matter.
            let mut takes = [exchange(account(1), 150, 3), exchange(account(2), 90, 2)];
            if server.is_multiple_of(2) {
                takes.reverse();
            }
            let mut granted = BTreeMap::new();
            for _ in 0..12 {
                for (take, taken) in takes.iter().zip(buckets.exchange(&takes, NOW).await.unwrap()) {
                    *granted.entry(take.key).or_insert(0) += taken.granted;
                }
            }
            granted
        }
    };
    let servers: Vec<_> = (0..8).map(|number| tokio::spawn(server(number))).collect();
    let mut granted = BTreeMap::new();
    for server in servers {
        for (key, calls) in server.await.unwrap() {
            *granted.entry(key).or_insert(0) += calls;
        }
    }
    assert_eq!(granted.into_values().collect::<Vec<u32>>(), [150, 90]);
}

pub async fn many_buckets_are_exchanged_in_one_call(opened: OpenedBuckets) {
    let takes: Vec<Exchange> =
        (0..100).map(|number| exchange(account(number % 7 * 100 + number), 60, number as u32 % 61)).collect();
    let wanted: Vec<u32> = takes.iter().map(|take| take.wanted).collect();
    assert_eq!(opened.granted_calls(&takes, NOW).await, wanted);
    assert_eq!(opened.granted_calls(&[], NOW).await, Vec::<u32>::new());
}

pub async fn only_full_buckets_are_deleted(opened: OpenedBuckets) {
    let all = |wanted| -> Vec<Exchange> { (0..6).map(|number| exchange(account(number), 60, wanted)).collect() };
    opened.granted_calls(&all(30), NOW).await;
    opened.granted_calls(&all(30)[..2], millis_later(200_000)).await;
    let mut deleted = 0;
    for _ in 0..5 {
        let batch = opened.buckets().delete_full(millis_later(200_000), 3).await.unwrap();
        assert!(batch <= 3, "{batch} buckets were deleted in one call, with a limit of 3");
        deleted += batch;
    }
    assert!(deleted <= 4, "{deleted} buckets were deleted, but only four are full");
    assert_eq!(opened.granted_calls(&all(60), millis_later(200_000)).await, [30, 30, 60, 60, 60, 60]);
}
