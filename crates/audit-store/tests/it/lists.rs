//! Lists, compared with a filter over all entries.

use std::collections::{BTreeMap, BTreeSet};

use audit::{AuditFilter, StoredEntry};
use kernel::{Order, Page, PageLimit, PageRequest, Position, StreamRequest, TimeRange, Timestamp, Ulid};
use novantra_audit_store::StoredLog;
use proptest::prelude::*;

use crate::random_log::{ORGANIZATION, Step, made, steps};

/// A list that is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) filter: AuditFilter,
    pub(crate) order: Order,
    pub(crate) limit: u64,
    pub(crate) range: TimeRange,
}

pub(crate) fn queries() -> impl Strategy<Value = Vec<Query>> {
    let some = |prefix: &'static str, values: Vec<u64>| {
        let value = proptest::sample::select(values).prop_map(move |value| format!("{prefix}{value}"));
        prop_oneof![3 => Just(BTreeSet::new()), 4 => proptest::collection::btree_set(value, 1..3)]
    };
    let filter = (
        some("thing.done_", vec![0, 1, 2, 9]),
        some("svc_", vec![0, 1, 4, 77]),
        some("thing_", vec![0, 1, 5, 99, 100]),
    );
    let filter = filter.prop_map(|(actions, actors, subjects)| AuditFilter { actions, actors, subjects });
    let order = prop_oneof![Just(Order::Newest), Just(Order::Changed)];
    let time = || proptest::option::weighted(0.3, (1_000_000 - 100..1_020_000_i64).prop_map(Timestamp::from_millis));
    let range = (time(), time(), time(), time());
    let range = range.prop_map(|(created_after, created_before, updated_after, updated_before)| TimeRange {
        created_after,
        created_before,
        updated_after,
        updated_before,
        ..TimeRange::default()
    });
    let query = (filter, order, 1..201_u64, range);
    let query = query.prop_map(|(filter, order, limit, range)| Query { filter, order, limit, range });
    proptest::collection::vec(query, 8)
}

/// The entries of all these that a list must have, in its order.
pub(crate) fn expected(all: &BTreeMap<Ulid, StoredEntry>, query: &Query) -> Vec<StoredEntry> {
    let is_listed = |stored: &StoredEntry| {
        let at = Timestamp::from_millis(stored.entry.id.ulid().timestamp_ms() as i64);
        query.filter.matches(&stored.entry) && query.range.contains(at, at, None)
    };
    let mut entries: Vec<StoredEntry> = all.values().filter(|stored| is_listed(stored)).cloned().collect();
    if query.order == Order::Newest {
        entries.reverse();
    }
    entries
}

pub(crate) async fn page(log: &StoredLog, query: &Query, after: Option<Position>) -> Page<StoredEntry> {
    let limit = PageLimit::clamped(query.limit);
    let request = PageRequest { limit, order: query.order, after, time_range: query.range };
    log.entries(ORGANIZATION, &query.filter, &request, Timestamp::from_millis(7)).await.unwrap()
}

/// Reads a list page by page. A page may have few entries, but leads on.
pub(crate) async fn all_pages(log: &StoredLog, query: &Query) -> Vec<StoredEntry> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = page(log, query, after).await;
        assert!(page.items.len() <= query.limit as usize);
        assert_eq!(page.as_of, Timestamp::from_millis(7));
        found.extend(page.items);
        assert!(page.next.is_none() || page.next != after, "a list stays where it is");
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

fn ids(entries: &[StoredEntry]) -> Vec<String> {
    entries.iter().map(|stored| stored.entry.id.to_string()).collect()
}

async fn check(steps: &[Step], queries: &[Query]) {
    let made = made(steps).await;
    let (log, all) = (made.log(), made.entries());
    for query in queries {
        let expected = expected(&all, query);
        let found = all_pages(&log, query).await;
        assert_eq!(ids(&found), ids(&expected), "{query:?}");
        assert_eq!(found, expected);
        // The first page is full if it isn't the last one, or was short because the search was long.
        let first = page(&made.log(), query, None).await;
        assert_eq!(first.items, expected[..first.items.len()]);
        let request = StreamRequest { order: query.order, time_range: query.range };
        let mut stream = log.stream(ORGANIZATION, &query.filter, &request).await.unwrap();
        let mut streamed = Vec::new();
        while let Some(batch) = stream.next().await.unwrap() {
            assert!(!batch.is_empty());
            streamed.extend(batch);
        }
        assert_eq!(ids(&streamed), ids(&expected), "{query:?}");
        assert_eq!(streamed, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn a_list_has_exactly_the_entries_that_match_in_its_order(steps in steps(), queries in queries()) {
        crate::block_on(check(&steps, &queries));
    }
}
