//! Reading while more rows wait than are read at once.

use std::sync::Arc;

use audit::{
    AuditFilter, AuditTables, StoredEntry,
    tables::{MAX_RECENT_ROWS, SealingRound},
};
use kernel::{Order, StreamRequest, TimeRange, Ulid};
use novantra_audit_store::{RowWriter, StoredLog};

use crate::{
    lists::{Query, all_pages, expected},
    made_log::{MadeLog, Move, TestKey, entry, round},
    moving_tables::MovingTables,
    random_log::{ORGANIZATION, OTHER},
};

/// More rows than are read at once, shared ones and the organization's own, after a sealed one.
async fn many_rows() -> MadeLog {
    let mut made = MadeLog::new(ORGANIZATION).await;
    made.append(&[entry(ORGANIZATION, 999, 1)]).await;
    let planned = made.plan_seal(1);
    made.apply(planned).await;
    for number in 0..MAX_RECENT_ROWS as u64 + 20 {
        let at = 1_000 + number as i64;
        made.append(&[entry(ORGANIZATION, at, 10 + number), entry(OTHER, at, 1_000 + number)]).await;
        made.append(&[entry(ORGANIZATION, at + 7, 2_000 + number)]).await;
    }
    made
}

fn query(order: Order, limit: u64) -> Query {
    Query { filter: AuditFilter::default(), order, limit, range: TimeRange::default() }
}

fn ids(entries: &[StoredEntry]) -> Vec<Ulid> {
    entries.iter().map(|stored| stored.entry.id.ulid()).collect()
}

async fn streamed(log: &StoredLog, order: Order) -> Vec<StoredEntry> {
    let request = StreamRequest { order, time_range: TimeRange::default() };
    let mut stream = log.stream(ORGANIZATION, &AuditFilter::default(), &request).await.unwrap();
    let mut all = Vec::new();
    while let Some(batch) = stream.next().await.unwrap() {
        all.extend(batch);
    }
    all
}

#[tokio::test]
async fn lists_have_all_entries_however_many_rows_wait() {
    let made = many_rows().await;
    let (log, all) = (made.log(), made.entries());
    for order in [Order::Newest, Order::Changed] {
        for limit in [7, 200] {
            let query = query(order, limit);
            assert_eq!(ids(&all_pages(&log, &query).await), ids(&expected(&all, &query)));
        }
        assert_eq!(ids(&streamed(&log, order).await), ids(&expected(&all, &query(order, 1))));
    }
    let stats = log.unsealed_stats(Some(ORGANIZATION)).await.unwrap();
    assert_eq!(stats.entries, made.waiting().len() as u64);
    for waiting in made.waiting() {
        assert!(log.entry(ORGANIZATION, waiting.id).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_stream_has_each_entry_once_although_not_all_that_wait_fit_into_memory() {
    let mut made = MadeLog::new(ORGANIZATION).await;
    for number in 0..90 {
        let mut large = entry(ORGANIZATION, 1_000 + number * 31 % 90, number as u64);
        large.actor.name = "a long name ".repeat(20_000).into();
        made.append(&[large]).await;
    }
    let all = made.entries();
    for order in [Order::Newest, Order::Changed] {
        let found = streamed(&made.log(), order).await;
        assert_eq!(ids(&found), ids(&expected(&all, &query(order, 1))));
        assert_eq!(ids(&all_pages(&made.log(), &query(order, 200)).await), ids(&found));
    }
}

#[tokio::test]
async fn a_part_of_a_shared_row_that_is_set_aside_meanwhile_is_not_missed() {
    let made = many_rows().await;
    let all = made.entries();
    let shared = made.tables.waiting(None, MAX_RECENT_ROWS + 10, usize::MAX).await.unwrap().pop().unwrap();
    let at = shared.key.id.timestamp_ms() as i64;
    let own = entry(ORGANIZATION, at, 10 + (at - 1_000) as u64);
    let writer = RowWriter::new(Ulid(3));
    writer.set_key(Arc::new(TestKey));
    assert!(all.contains_key(&own.id.ulid()));
    let row = writer.prepare(&[&own]).unwrap().remove(0).row.clone();
    let round = SealingRound { sealed: vec![shared.key], waiting: vec![row], ..round() };
    for calls in 0..8 {
        let made = many_rows().await;
        let tables = Arc::new(MovingTables::new(Arc::clone(&made.tables), Vec::new()));
        let log = StoredLog::new(Arc::clone(&tables) as Arc<dyn AuditTables>);
        log.set_key(Arc::new(TestKey));
        tables.set(vec![(calls, Move::Seal(round.clone()))]);
        let query = query(Order::Changed, 200);
        assert_eq!(ids(&all_pages(&log, &query).await), ids(&expected(&all, &query)), "after {calls} calls");
    }
}
