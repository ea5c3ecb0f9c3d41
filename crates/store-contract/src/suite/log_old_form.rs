//! Entries of the old form in the tables of the audit log, as a migration leaves them, and their conversion.

use std::collections::BTreeSet;

use audit::{
    AuditFilter, Head, StoredEntry,
    tables::{Conversion, HeadChange, LeaseHold, RunTable, SealingRound, StoredHead},
};
use kernel::{Entry, Order, OrganizationId, PageLimit, PageRequest, TimeRange};

use crate::{
    Fixture,
    log_rows::{LogRows, checkpoint, hash, head, progress, run, run_key, segment, terms, tile},
    samples,
};

/// Inserts entries of the old form: some sealed ones, then some that wait. Every other has all fields set.
async fn insert(fixture: &Fixture, organization: OrganizationId, sealed: usize, waiting: usize) -> Vec<StoredEntry> {
    let entries: Vec<Entry> = (0..sealed + waiting)
        .map(|number| match number % 2 {
            0 => samples::full_entry(&*fixture.entropy, organization, fixture.clock.tick()),
            _ => samples::entry(&*fixture.entropy, organization, fixture.clock.tick()),
        })
        .collect();
    let mut stored = samples::sealed_entries(entries[..sealed].to_vec(), Head::EMPTY);
    stored.extend(entries[sealed..].iter().map(|entry| StoredEntry { entry: entry.clone(), seal: None }));
    fixture.insert_old_entries(&stored, &[checkpoint(organization, 1)]).await;
    stored
}

/// The head of a chain's sealed entries.
fn head_of(stored: &[StoredEntry]) -> Head {
    let last = stored.iter().filter_map(|stored| stored.seal).next_back();
    last.map_or(Head::EMPTY, |seal| Head { sequence: seal.sequence, hash: seal.hash })
}

/// After a migration, the sealed entries of the old form are read by their chain's sequences, and its head states that
/// they are in the old form.
pub async fn sealed_entries_of_the_old_form_are_read_by_sequence(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    let (organization, other) = (fixture.new_id(), fixture.new_id());
    let stored = insert(&fixture, organization, 5, 2).await;
    insert(&fixture, other, 2, 0).await;
    let read = async |after, limit| log.tables.old_sealed(organization, after, limit).await.unwrap();
    assert_eq!(read(0, 10).await, stored[..5]);
    assert_eq!(read(1, 2).await, stored[1..3]);
    assert_eq!(read(5, 10).await, []);
    let recent = log.tables.recent(organization).await.unwrap();
    let migrated = recent.head.unwrap();
    assert_eq!((migrated.head, migrated.old_through, migrated.removed), (head_of(&stored), 5, Head::EMPTY));
    assert_eq!((migrated.tree, migrated.signed, recent.runs.len()), (None, None, 0));
    assert_eq!(log.tables.checkpoints(organization, 0, 10).await.unwrap(), [checkpoint(organization, 1)]);
    let listed = log.tables.organizations().await.unwrap();
    assert!(listed.contains(&organization) && listed.contains(&other));
}

/// The sealed entries of the old form are listed by page in both orders, by filter and time, and found by identifier.
pub async fn sealed_entries_of_the_old_form_are_listed(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    let organization = fixture.new_id();
    let stored = insert(&fixture, organization, 7, 2).await;
    insert(&fixture, fixture.new_id(), 2, 0).await;
    for order in [Order::Newest, Order::Changed] {
        let mut expected = stored[..7].to_vec();
        if order == Order::Newest {
            expected.reverse();
        }
        let mut page = PageRequest { limit: PageLimit::clamped(3), order, ..PageRequest::default() };
        let mut all = Vec::new();
        loop {
            let listed = log.tables.old_entries(organization, &AuditFilter::default(), &page).await.unwrap();
            assert!(listed.items.len() <= 3);
            all.extend(listed.items);
            page.after = listed.next;
            if page.after.is_none() {
                break;
            }
        }
        assert_eq!(all, expected);
    }
    let updated = AuditFilter { actions: BTreeSet::from(["finding.updated".to_owned()]), ..AuditFilter::default() };
    let oldest_first = PageRequest { order: Order::Changed, ..PageRequest::default() };
    let listed = log.tables.old_entries(organization, &updated, &oldest_first).await.unwrap();
    assert_eq!(listed.items, [0, 2, 4, 6].map(|number| stored[number].clone()));
    let time_range = TimeRange { created_before: Some(stored[2].entry.occurred_at), ..TimeRange::default() };
    assert_eq!(log.old_entries(organization, &PageRequest { time_range, ..oldest_first }).await, stored[..2]);
    let read = async |stored: &StoredEntry| log.tables.old_entry(organization, stored.entry.id).await.unwrap();
    assert_eq!(read(&stored[4]).await, Some(stored[4].clone()));
    assert_eq!(read(&stored[7]).await, None, "it is not sealed");
    assert_eq!(log.tables.old_entry(fixture.new_id(), stored[4].entry.id).await.unwrap(), None);
}

/// The entries of the old form that wait are returned up to a limit, and no longer wait once a round has sealed them.
pub async fn waiting_entries_of_the_old_form_are_sealed(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    let organizations = [fixture.new_id(), fixture.new_id()];
    let [one, other] = organizations;
    let stored = insert(&fixture, one, 2, 3).await;
    let elsewhere = insert(&fixture, other, 0, 2).await;
    let mut all: Vec<Entry> = stored[2..].iter().chain(&elsewhere).map(|stored| stored.entry.clone()).collect();
    let key = |entry: &Entry| (entry.organization, entry.id.ulid());
    all.sort_by_key(key);
    let mut waiting = log.tables.old_waiting(10).await.unwrap();
    waiting.sort_by_key(key);
    assert_eq!(waiting, all);
    assert_eq!(log.tables.old_waiting(2).await.unwrap().len(), 2);
    let sealed: Vec<_> = stored[2..4].iter().map(|stored| key(&stored.entry)).collect();
    let change = HeadChange { before: head_of(&stored), ..progress(one, 2, 4) };
    let round = SealingRound { heads: vec![change], old_waiting: sealed.clone(), ..log.round() };
    log.seal(round.clone()).await;
    let mut waiting = log.tables.old_waiting(10).await.unwrap();
    waiting.sort_by_key(key);
    assert_eq!(waiting, all.into_iter().filter(|entry| !sealed.contains(&key(entry))).collect::<Vec<_>>());
    let before = log.content(&organizations).await;
    let change = progress(one, 4, 5);
    for gone in [sealed[0], key(&stored[0].entry)] {
        let round = SealingRound { heads: vec![change.clone()], old_waiting: vec![gone], ..log.round() };
        assert!(!log.tables.seal(&round).await.unwrap(), "the entry does not wait");
        assert_eq!(log.content(&organizations).await, before);
    }
}

/// Old entries are converted step by step; the last step changes the head. Until then nothing of the old form changes.
pub async fn sealed_entries_of_the_old_form_are_converted(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    let organization = fixture.new_id();
    let stored = insert(&fixture, organization, 7, 0).await;
    let first = Conversion {
        lease: log.lease.clone(),
        organization,
        segments: vec![segment(1, 2), segment(3, 4)],
        runs: Vec::new(),
        terms: vec![terms(-1, 1), terms(-1, 3)],
        tiles: vec![tile(1, 0, &[hash(1)])],
        head: None,
    };
    assert!(log.tables.convert(&first).await.unwrap());
    let half = log.log(organization).await;
    assert_eq!(half.segments, [segment(1, 2), segment(3, 4)].map(|segment| run_key(RunTable::Segments, &segment.run)));
    assert_eq!((half.old_sealed.as_slice(), half.recent.head.unwrap().old_through), (stored.as_slice(), 7));

    let after = StoredHead { head: head_of(&stored), ..progress(organization, 0, 7).after };
    let last = Conversion {
        segments: Vec::new(),
        runs: vec![run(5, 6)],
        terms: vec![terms(7, 1)],
        tiles: vec![tile(1, 0, &[hash(1), hash(2)]), tile(1, 1, &[hash(3)])],
        head: Some(HeadChange {
            before: head_of(&stored),
            after: after.clone(),
            replaced_runs: Vec::new(),
            runs: vec![run(7, 7)],
            checkpoint: Some(checkpoint(organization, 7)),
        }),
        ..first.clone()
    };
    let before = log.content(&[organization]).await;
    let stale = HeadChange { before: head(3), ..last.head.clone().unwrap() };
    for wrong in [
        Conversion { lease: LeaseHold { owner: "sealer-2".into(), ..log.lease.clone() }, ..last.clone() },
        Conversion { head: Some(stale), ..last.clone() },
    ] {
        assert!(!log.tables.convert(&wrong).await.unwrap());
        assert_eq!(log.content(&[organization]).await, before);
    }
    assert!(log.tables.convert(&last).await.unwrap());
    let converted = log.log(organization).await;
    assert_eq!(converted.recent.head, Some(after));
    assert_eq!(converted.recent.runs, [run(5, 6), run(7, 7)].map(|run| run_key(RunTable::Runs, &run)));
    assert_eq!(converted.terms, [terms(-1, 1), terms(-1, 3), terms(7, 1)]);
    assert_eq!(converted.tiles, last.tiles);
    assert_eq!(converted.checkpoints, [1, 7].map(|sequence| checkpoint(organization, sequence)));
}

/// The entries of the old form are deleted once every chain is converted and none of them waits.
pub async fn entries_of_the_old_form_are_deleted_once_no_chain_needs_them(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    log.tables.delete_old_entries().await.unwrap();
    let organizations = [fixture.new_id(), fixture.new_id()];
    let mut chains = Vec::new();
    for organization in organizations {
        chains.push(insert(&fixture, organization, 3, 0).await);
    }
    let waiting = samples::entry(&*fixture.entropy, organizations[0], fixture.clock.tick());
    let waiting = StoredEntry { entry: waiting, seal: None };
    fixture.insert_old_entries(std::slice::from_ref(&waiting), &[]).await;
    for (organization, stored) in organizations.iter().zip(&chains) {
        let change = progress(*organization, 0, 3);
        let after = StoredHead { head: head_of(stored), ..change.after };
        let before = log.content(&organizations).await;
        log.tables.delete_old_entries().await.unwrap();
        assert_eq!(log.content(&organizations).await, before, "a chain needs its entries");
        log.seal_head(HeadChange { before: head_of(stored), after, ..change }).await;
    }
    let before = log.content(&organizations).await;
    log.tables.delete_old_entries().await.unwrap();
    assert_eq!(log.content(&organizations).await, before, "an entry waits");
    let sealed = vec![(organizations[0], waiting.entry.id.ulid())];
    log.seal(SealingRound { old_waiting: sealed, ..log.round() }).await;
    log.tables.delete_old_entries().await.unwrap();
    for (organization, stored) in organizations.iter().zip(&chains) {
        let log_after = log.log(*organization).await;
        assert_eq!((log_after.old_sealed.len(), log_after.recent.runs.len()), (0, 1));
        assert_eq!(log.tables.old_entry(*organization, stored[0].entry.id).await.unwrap(), None);
        assert_eq!(log.old_entries(*organization, &PageRequest::default()).await, []);
    }
    log.tables.delete_old_entries().await.unwrap();
}
