//! Rollups: counts of records, and calls of accounts.

use std::{sync::Arc, time::Duration};

use auth::AccountId;
use kernel::{Id, OrganizationId, Timestamp, Ulid};
use store::{AccountCalls, CallSpan, CallTotals, Counts, Day, MAX_DAYS, OpenFindings, Rollup, RollupPart};

use crate::Fixture;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn rollup(part: RollupPart, numbers: &[(&str, i64)]) -> Rollup {
    let mut counts = Counts::default();
    for (name, number) in numbers {
        counts.put((*name).to_owned(), *number);
    }
    let later = |seconds| NOW + Duration::from_secs(seconds);
    Rollup { part, as_of: NOW, counted_at: later(1), due_at: later(2), counts }
}

fn findings(day: i64, counts: [u64; 5]) -> OpenFindings {
    OpenFindings { day: Day(day), counts }
}

/// A part reads back as it was stored, and a later count replaces all of it; other parts and organizations keep theirs.
pub async fn a_rollup_is_replaced_as_a_whole(fixture: Fixture) {
    let other = fixture.create_organization("other").await;
    let store = &fixture.store;
    let first = rollup(RollupPart::Findings, &[("open.high.open.0", 3), ("oldest_due", -7)]);
    let evidence = rollup(RollupPart::Evidence, &[]);
    store.replace_rollup(fixture.home, &first, &[], Day(0)).await.unwrap();
    store.replace_rollup(fixture.home, &evidence, &[], Day(0)).await.unwrap();
    store.replace_rollup(other, &first, &[], Day(0)).await.unwrap();
    assert_eq!(store.rollups(fixture.home).await.unwrap(), [first.clone(), evidence.clone()]);
    let second = Rollup { as_of: NOW + Duration::from_secs(9), ..rollup(RollupPart::Findings, &[("overdue.low", 1)]) };
    store.replace_rollup(fixture.home, &second, &[], Day(0)).await.unwrap();
    assert_eq!(store.rollups(fixture.home).await.unwrap(), [second, evidence]);
    assert_eq!(store.rollups(other).await.unwrap(), [first]);
    let unknown = fixture.create_organization("third").await;
    assert_eq!(store.rollups(unknown).await.unwrap(), []);
}

/// Counts of one part that are stored concurrently do not mix.
pub async fn concurrent_counts_of_a_part_do_not_mix(fixture: Fixture) {
    let fixture = Arc::new(fixture);
    let counts = (0..8).map(|number: i64| {
        let names: Vec<String> = (0..=number).map(|index| format!("name.{index}")).collect();
        rollup(RollupPart::Findings, &names.iter().map(|name| (name.as_str(), number)).collect::<Vec<_>>())
    });
    let counts: Vec<Rollup> = counts.collect();
    let stored = counts.clone().into_iter().map(|rollup| {
        let fixture = Arc::clone(&fixture);
        tokio::spawn(async move { fixture.store.replace_rollup(fixture.home, &rollup, &[], Day(0)).await })
    });
    for stored in stored.collect::<Vec<_>>() {
        stored.await.unwrap().unwrap();
    }
    let read = fixture.store.rollups(fixture.home).await.unwrap();
    assert!(counts.contains(&read[0]), "{read:?}");
}

/// The open findings of days are listed from a day on, replaced by day, and deleted once they are too old.
pub async fn open_findings_are_stored_by_day(fixture: Fixture) {
    let other = fixture.create_organization("other").await;
    let store = &fixture.store;
    let part = rollup(RollupPart::Findings, &[]);
    let days = [findings(10, [1, 2, 3, 4, 5]), findings(11, [0; 5]), findings(13, [9, 0, 0, 0, 1])];
    store.replace_rollup(fixture.home, &part, &days, Day(0)).await.unwrap();
    store.replace_rollup(other, &part, &days[..1], Day(0)).await.unwrap();
    assert_eq!(store.open_findings(fixture.home, Day(0)).await.unwrap(), days);
    assert_eq!(store.open_findings(fixture.home, Day(11)).await.unwrap(), days[1..]);
    let changed = findings(13, [7, 0, 0, 0, 0]);
    store.replace_rollup(fixture.home, &part, &[changed], Day(11)).await.unwrap();
    assert_eq!(store.open_findings(fixture.home, Day(0)).await.unwrap(), [days[1], changed]);
    assert_eq!(store.open_findings(other, Day(0)).await.unwrap(), days[..1], "another organization keeps its days");
    let many: Vec<OpenFindings> = (0..).take(MAX_DAYS + 5).map(|day| findings(day, [1; 5])).collect();
    store.replace_rollup(fixture.home, &part, &many, Day(0)).await.unwrap();
    assert_eq!(store.open_findings(fixture.home, Day(0)).await.unwrap(), many[..MAX_DAYS]);
}

fn account(number: u128) -> AccountId {
    Id::new(Ulid(number))
}

fn calls(organization: OrganizationId, account: AccountId, span: CallSpan, starts_at: Timestamp) -> AccountCalls {
    let calls = CallTotals { answered: 1, refused: 2, limited: 3, failed: 4 };
    AccountCalls { organization, account, span, starts_at, calls }
}

/// Calls that several processes count are added up, by account and span.
pub async fn concurrently_counted_calls_are_added_up(fixture: Fixture) {
    let fixture = Arc::new(fixture);
    let other = fixture.create_organization("other").await;
    let minute = |minutes: u32| NOW + Duration::from_secs(60) * minutes;
    let added = [
        calls(fixture.home, account(2), CallSpan::Minute, minute(1)),
        calls(fixture.home, account(1), CallSpan::Minute, minute(0)),
        calls(fixture.home, account(1), CallSpan::Minute, minute(2)),
        calls(fixture.home, account(1), CallSpan::Hour, minute(0)),
        calls(other, account(1), CallSpan::Minute, minute(0)),
    ];
    let writers = (0..8).map(|_| {
        let fixture = Arc::clone(&fixture);
        tokio::spawn(async move { fixture.store.add_calls(&added).await })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap().unwrap();
    }
    let eightfold = |added: AccountCalls| {
        let calls = CallTotals { answered: 8, refused: 16, limited: 24, failed: 32 };
        AccountCalls { calls, ..added }
    };
    let read = async |organization, accounts: &[AccountId], span, from| {
        fixture.store.calls(organization, accounts, span, from).await.unwrap()
    };
    let both = [account(2), account(1), account(3)];
    let expected = [added[1], added[2], added[0]].map(eightfold);
    assert_eq!(read(fixture.home, &both, CallSpan::Minute, minute(0)).await, expected);
    assert_eq!(read(fixture.home, &both, CallSpan::Minute, minute(1)).await, expected[1..]);
    assert_eq!(read(fixture.home, &[account(1)], CallSpan::Hour, minute(0)).await, [eightfold(added[3])]);
    assert_eq!(read(other, &both, CallSpan::Minute, minute(0)).await, [eightfold(added[4])]);
    assert_eq!(read(fixture.home, &[], CallSpan::Minute, minute(0)).await, []);
}

/// Calls are deleted after their retention, which is longer for hours than for minutes.
pub async fn calls_are_deleted_after_their_retention(fixture: Fixture) {
    let store = &fixture.store;
    let at = |span: CallSpan, late: u64| NOW - span.retention() + Duration::from_millis(late);
    let mut kept = Vec::new();
    for span in CallSpan::ALL {
        let old = [calls(fixture.home, account(1), *span, at(*span, 0) - Duration::from_millis(1))];
        let old = [old, [calls(fixture.home, account(2), *span, at(*span, 0) - Duration::from_secs(9))]].concat();
        let recent = calls(fixture.home, account(1), *span, at(*span, 0));
        store.add_calls(&old).await.unwrap();
        store.add_calls(&[recent]).await.unwrap();
        kept.push(recent);
    }
    assert_eq!(store.prune_calls(NOW, 1).await.unwrap(), 2, "one of each span");
    assert_eq!(store.prune_calls(NOW, 10).await.unwrap(), 2);
    assert_eq!(store.prune_calls(NOW, 10).await.unwrap(), 0);
    for (span, recent) in CallSpan::ALL.iter().zip(kept) {
        let left = store.calls(fixture.home, &[account(1), account(2)], *span, Timestamp::MIN).await.unwrap();
        assert_eq!(left, [recent]);
    }
}
