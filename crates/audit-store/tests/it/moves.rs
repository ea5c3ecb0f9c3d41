//! Reading while entries are sealed, compacted and indexed.

use std::sync::Arc;

use audit::StoredEntry;
use kernel::{StreamRequest, Ulid};
use novantra_audit_store::StoredLog;
use proptest::prelude::*;

use crate::{
    lists::{Query, all_pages, expected, queries},
    made_log::{MadeLog, Move, TestKey},
    moving_tables::MovingTables,
    random_log::{ORGANIZATION, Step, made, steps},
};

/// Plans moves of all kinds.
fn plan(made: &mut MadeLog, calls: &[usize]) -> Vec<(usize, Move)> {
    let mut planned = Vec::new();
    for (number, calls) in calls.iter().enumerate() {
        let next = match number % 4 {
            3 => made.plan_merge().or_else(|| made.plan_compact()),
            number => made.plan_compact().or_else(|| made.plan_seal(number + 1)),
        };
        planned.extend(next.map(|next| (*calls, next)));
    }
    planned
}

fn ids(entries: &[StoredEntry]) -> Vec<Ulid> {
    entries.iter().map(|stored| stored.entry.id.ulid()).collect()
}

async fn check(steps: &[Step], calls: &[usize], queries: &[Query], warm: bool) {
    let mut made = made(steps).await;
    let all = made.entries();
    let planned = plan(&mut made, calls);
    let tables = Arc::new(MovingTables::new(Arc::clone(&made.tables), Vec::new()));
    let log = StoredLog::new(Arc::clone(&tables) as _);
    log.set_key(Arc::new(TestKey));
    if warm {
        // The caches have the state before.
        for query in queries {
            all_pages(&log, query).await;
        }
    }
    tables.set(planned);
    for query in queries {
        let expected = ids(&expected(&all, query));
        assert_eq!(ids(&all_pages(&log, query).await), expected, "{query:?}");
        let request = StreamRequest { order: query.order, time_range: query.range };
        let mut stream = log.stream(ORGANIZATION, &query.filter, &request).await.unwrap();
        let mut streamed = Vec::new();
        while let Some(batch) = stream.next().await.unwrap() {
            streamed.extend(batch);
        }
        assert_eq!(ids(&streamed), expected, "{query:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn no_entry_is_missed_or_shown_twice_whatever_is_moved_meanwhile(
        mut steps in steps(),
        calls in proptest::collection::vec(0..7_usize, 12),
        queries in queries(),
        warm in any::<bool>(),
    ) {
        steps.push(Step::Append { rows: 14, entries: 30, late: 20 });
        crate::block_on(check(&steps, &calls, &queries, warm));
    }
}
