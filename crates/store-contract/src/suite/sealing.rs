//! Every entry gets one position in the chain of its organization, without gaps (contract v1 § 8).

use std::{sync::Arc, time::Duration};

use audit::{
    BLOCK_ENTRIES, CheckpointVerifier, ENTRIES_REMOVED, Hash, Head, Removal, Seal, SealedEntry, StoredEntry,
    UnsealedStats, hash_entry, tables::PrefixRemoval, tree_root, verify_stored,
};
use kernel::{Entry, Order, OrganizationId, PageRequest, Timestamp};

use crate::{Fixture, TestLogKey, TestSealer, samples};

async fn append(fixture: &Fixture, organization: OrganizationId, count: usize) -> Vec<Entry> {
    let mut all = Vec::new();
    for number in 0..count {
        let at = fixture.clock.tick();
        all.push(match number % 2 {
            0 => samples::full_entry(&*fixture.entropy, organization, at),
            _ => samples::entry(&*fixture.entropy, organization, at),
        });
        fixture.append(all[number].clone()).await.unwrap();
    }
    all
}

/// Seals everything a moment later. Returns the head of a chain.
async fn seal(fixture: &Fixture, organization: OrganizationId) -> Head {
    fixture.clock.tick();
    fixture.seal_all().await;
    fixture.store.head(organization).await.unwrap()
}

/// The entries, none of which was redacted.
fn stored(sealed: Vec<SealedEntry>) -> Vec<StoredEntry> {
    sealed.into_iter().map(|sealed| sealed.into_stored().expect("nothing was redacted")).collect()
}

fn assert_chain(chain: &[StoredEntry], entries: &[Entry]) {
    assert_eq!(chain.len(), entries.len());
    let mut previous_hash = Hash::ZERO;
    for (sequence, (recorded, entry)) in (1..).zip(chain.iter().zip(entries)) {
        assert_eq!(recorded.entry, *entry);
        let hash = hash_entry(entry, sequence, previous_hash);
        assert_eq!(recorded.seal, Some(Seal { sequence, previous_hash, hash }));
        previous_hash = hash;
    }
}

/// In every organization, sequences count from one without gaps over several batches, and hashes link the entries. Only
/// the log of the installation has entries beside those that were appended: the sealer's own.
pub async fn every_organization_has_a_gapless_chain_of_its_own(fixture: Fixture) {
    let organizations = [fixture.new_id(), fixture.new_id(), OrganizationId::INSTALLATION];
    let mut logs = [Vec::new(), Vec::new(), Vec::new()];
    for count in 1..=3 {
        for (organization, log) in organizations.iter().zip(&mut logs) {
            log.extend(append(&fixture, *organization, count).await);
        }
        seal(&fixture, fixture.home).await;
    }
    for (organization, log) in organizations.iter().zip(&logs) {
        let chain = stored(fixture.store.sealed(*organization, 0, 100).await.unwrap());
        let entries: Vec<Entry> = chain.iter().map(|stored| stored.entry.clone()).collect();
        assert_chain(&chain, &entries);
        let appended: Vec<_> = entries.into_iter().filter(|entry| entry.action != audit_store::HEADS).collect();
        assert_eq!(appended, *log);
        assert!(*organization == OrganizationId::INSTALLATION || chain.len() == log.len());
        let last = chain.last().and_then(|recorded| recorded.seal).unwrap();
        let head = fixture.store.head(*organization).await.unwrap();
        assert_eq!(head, Head { sequence: last.sequence, hash: last.hash });
        verify_stored(&*fixture.store, *organization, &TestLogKey::DEFAULT, &[]).await.unwrap();
    }
    assert_eq!(fixture.store.head(fixture.new_id()).await.unwrap(), Head::EMPTY);
}

/// A seal is returned wherever its entry is.
pub async fn a_seal_is_visible_in_lists_and_single_reads(fixture: Fixture) {
    let organization = fixture.new_id();
    let entries = append(&fixture, organization, 3).await;
    seal(&fixture, organization).await;
    let late = append(&fixture, organization, 1).await.remove(0);
    let log = fixture.audit_log(organization).await;
    assert_chain(&log[..3], &entries);
    assert_eq!(log[3], StoredEntry { entry: late, seal: None });
    let entry = fixture.store.entry(organization, entries[1].id).await.unwrap();
    assert_eq!(entry.as_ref(), Some(&log[1]));
    let streamed = PageRequest { order: Order::Changed, ..PageRequest::default() };
    assert_eq!(fixture.stream_entries(organization, &Default::default(), streamed).await, log);
    let changes = fixture.store.changes(organization, &entries[0].subject.as_ref().unwrap().id, 1).await.unwrap();
    assert_eq!(changes, log[3..]);
}

/// Entries are sealed in the order of their identifiers, not in the order in which they were appended.
pub async fn entries_are_sealed_in_the_order_of_their_identifiers(fixture: Fixture) {
    let organization = fixture.new_id();
    let at = fixture.clock.tick();
    let mut entries: Vec<_> = (0..6).map(|_| samples::entry(&*fixture.entropy, organization, at)).collect();
    for index in [4, 0, 5, 2, 1, 3] {
        fixture.append(entries[index].clone()).await.unwrap();
    }
    seal(&fixture, organization).await;
    assert_chain(&stored(fixture.store.sealed(organization, 0, 100).await.unwrap()), &entries);
    // An entry that is appended late comes after those that were sealed before.
    let late = samples::entry(&*fixture.entropy, organization, Timestamp::from_millis(at.millis() - 60_000));
    fixture.append(late.clone()).await.unwrap();
    seal(&fixture, organization).await;
    entries.push(late);
    assert_chain(&stored(fixture.store.sealed(organization, 0, 100).await.unwrap()), &entries);
    entries.rotate_right(1);
    let listed = fixture.audit_log(organization).await;
    assert_eq!(listed.into_iter().map(|stored| stored.entry).collect::<Vec<_>>(), entries, "lists go by identifier");
}

/// Each entry gets one position, however many sealers believe that they have the lease.
pub async fn concurrent_sealers_seal_each_entry_once(fixture: Fixture) {
    let organization = fixture.new_id();
    let mut entries = Vec::new();
    for _ in 0..3 {
        entries.extend(append(&fixture, organization, 5).await);
        let mut sealers = Vec::new();
        for _ in 0..8 {
            let mut sealer = TestSealer::new(&fixture);
            assert!(sealer.acquire_lease().await.unwrap());
            sealers.push(tokio::spawn(async move { sealer.run_round().await.unwrap().sealed }));
        }
        let mut sealed = 0;
        for sealer in sealers {
            sealed += sealer.await.unwrap();
        }
        assert!(sealed > 0, "one of them must have sealed");
    }
    seal(&fixture, organization).await;
    assert_chain(&stored(fixture.store.sealed(organization, 0, 100).await.unwrap()), &entries);
}

/// Unsealed entries are counted, with the time of the oldest one, for one organization and for all.
pub async fn unsealed_entries_are_counted(fixture: Fixture) {
    seal(&fixture, fixture.home).await;
    let nothing = UnsealedStats { entries: 0, oldest: None };
    let (one, other) = (fixture.new_id(), fixture.new_id());
    assert_eq!(fixture.store.unsealed_stats(None).await.unwrap(), nothing);
    let first = append(&fixture, one, 3).await;
    let second = append(&fixture, other, 2).await;
    let of = |entries, oldest: &Entry| UnsealedStats { entries, oldest: Some(oldest.occurred_at) };
    assert_eq!(fixture.store.unsealed_stats(Some(one)).await.unwrap(), of(3, &first[0]));
    assert_eq!(fixture.store.unsealed_stats(Some(other)).await.unwrap(), of(2, &second[0]));
    assert_eq!(fixture.store.unsealed_stats(None).await.unwrap(), of(5, &first[0]));
    for (limit, counted) in [(2, 2), (3, 3), (100, 3)] {
        assert_eq!(fixture.store.waiting_stats(one, limit).await.unwrap(), of(counted, &first[0]));
    }
    seal(&fixture, one).await;
    assert_eq!(fixture.store.unsealed_stats(None).await.unwrap(), nothing);
    assert_eq!(fixture.store.unsealed_stats(Some(one)).await.unwrap(), nothing);
    assert_eq!(fixture.store.waiting_stats(one, 100).await.unwrap(), nothing);
}

/// A chain can be read from any sequence on, in batches of any size.
pub async fn a_chain_is_read_by_sequence(fixture: Fixture) {
    let organization = fixture.new_id();
    let mut entries = append(&fixture, organization, 4).await;
    seal(&fixture, organization).await;
    entries.extend(append(&fixture, organization, 3).await);
    seal(&fixture, organization).await;
    append(&fixture, organization, 1).await;
    let (mut chain, mut after) = (Vec::new(), 0);
    loop {
        let step = stored(fixture.store.sealed(organization, after, 3).await.unwrap());
        assert!(step.len() <= 3);
        let Some(last) = step.last().and_then(|recorded| recorded.seal) else { break };
        assert!(last.sequence > after, "the next batch does not advance");
        after = last.sequence;
        chain.extend(step);
    }
    assert_chain(&chain, &entries);
    assert!(fixture.store.sealed(organization, i64::MAX, 3).await.unwrap().is_empty());
    assert!(fixture.store.sealed(fixture.new_id(), 0, 3).await.unwrap().is_empty());
}

/// The head of a chain always has a signed checkpoint, and those that are listed are in the order of the chain.
pub async fn the_head_of_a_chain_has_a_checkpoint(fixture: Fixture) {
    let organization = fixture.new_id();
    let store = &fixture.store;
    for count in [1, 3, 2, 1] {
        append(&fixture, organization, count).await;
        let head = seal(&fixture, organization).await;
        let checkpoints = store.checkpoints(organization, 0, 100).await.unwrap();
        let last = checkpoints.last().unwrap();
        assert_eq!((last.organization, last.sequence, last.hash), (organization, head.sequence, head.hash));
        assert_eq!(last.signed_at, fixture.now());
        assert!(checkpoints.is_sorted_by_key(|checkpoint| checkpoint.sequence));
        for checkpoint in &checkpoints {
            assert!(TestLogKey::DEFAULT.verify(checkpoint.message().as_bytes(), &checkpoint.signature));
        }
        for limit in 1..4 {
            let listed = store.checkpoints(organization, 0, limit).await.unwrap();
            assert_eq!(listed, checkpoints[..limit.min(checkpoints.len())]);
        }
        assert_eq!(store.checkpoints(organization, head.sequence - 1, 100).await.unwrap(), [*last]);
        assert!(store.checkpoints(organization, head.sequence, 100).await.unwrap().is_empty());
    }
    assert!(store.checkpoints(fixture.new_id(), 0, 100).await.unwrap().is_empty());
}

/// The chain begins after the removed entries: they are gone from every list, and everything else is left, also in other
/// organizations. The chain continues.
pub async fn removed_entries_are_gone_from_every_list(fixture: Fixture) {
    let (organization, other) = (fixture.new_id(), fixture.new_id());
    let block = usize::try_from(BLOCK_ENTRIES).unwrap();
    let entries = append(&fixture, organization, block + 3).await;
    append(&fixture, other, 3).await;
    seal(&fixture, organization).await;
    let (store, chain) = (&fixture.store, stored(fixture.store.sealed(organization, 0, 1_000).await.unwrap()));
    let last = chain[block - 1].seal.map(|seal| Head { sequence: seal.sequence, hash: seal.hash }).unwrap();
    assert_eq!(store.removed(organization).await.unwrap(), Head::EMPTY);
    let recorded = Removal {
        first_sequence: 1,
        last,
        first_at: entries[0].occurred_at,
        last_at: entries[block - 1].occurred_at,
        tree_root: Some(tree_root(chain[..block].iter().filter_map(|stored| stored.seal).map(|seal| seal.hash))),
        policy: "a test".into(),
    };
    let record = samples::entry(&*fixture.entropy, organization, fixture.clock.tick());
    fixture.append(Entry { action: ENTRIES_REMOVED, changes: recorded.changes(), ..record }).await.unwrap();
    let removal = PrefixRemoval {
        organization,
        before: Head::EMPTY,
        last,
        terms_before: 1,
        merged_terms_before: 1,
        tiles: Vec::new(),
    };
    assert!(store.audit_tables().remove_prefix(&removal).await.unwrap());
    assert_eq!(store.removed(organization).await.unwrap(), last);
    assert_eq!(stored(store.sealed(organization, 0, 100).await.unwrap()), chain[block..]);
    assert_eq!(fixture.audit_log(organization).await.len(), 4);
    assert_eq!(store.entry(organization, entries[block - 1].id).await.unwrap(), None);
    assert_eq!(store.entry(organization, entries[block].id).await.unwrap().as_ref(), Some(&chain[block]));
    assert_eq!(store.sealed(other, 0, 100).await.unwrap().len(), 3);
    append(&fixture, organization, 1).await;
    assert_eq!(seal(&fixture, organization).await.sequence, BLOCK_ENTRIES + 5, "the chain continues");
    assert_eq!(store.removed(organization).await.unwrap(), last);
    verify_stored(&**store, organization, &TestLogKey::DEFAULT, &[]).await.unwrap();
}

/// A process whose rows have all been sealed has its last row confirmed by an empty one, once.
pub async fn an_empty_row_follows_the_last_row_of_a_process(fixture: Fixture) {
    seal(&fixture, fixture.home).await;
    let tables = fixture.store.audit_tables();
    let waiting = async || tables.waiting(None, 100, usize::MAX).await.unwrap();
    fixture.store.settle_rows().await.unwrap();
    fixture.store.settle_rows().await.unwrap();
    let settled = waiting().await;
    assert_eq!(settled.iter().map(|row| (row.entries, row.body.is_empty())).collect::<Vec<_>>(), [(0, false)]);
    let last = audit_store::read_row(&settled[0], Some(&TestLogKey::DEFAULT)).unwrap();
    append(&fixture, fixture.home, 1).await;
    fixture.store.settle_rows().await.unwrap();
    let mut rows = waiting().await;
    rows.retain(|row| *row != settled[0]);
    let mut read: Vec<_> =
        rows.iter().map(|row| (row.entries, audit_store::read_row(row, Some(&TestLogKey::DEFAULT)).unwrap())).collect();
    read.sort_by_key(|(_, row)| row.number);
    let numbers: Vec<_> = read.iter().map(|(entries, row)| (*entries, row.writer, row.number)).collect();
    assert_eq!(numbers, [(1, last.writer, last.number + 1), (0, last.writer, last.number + 2)]);
}

/// The entries of a write are one row, with a tag of the installation's key.
pub async fn the_entries_of_a_write_are_one_row(fixture: Fixture) {
    seal(&fixture, fixture.home).await;
    let mut changeset = fixture.changeset(fixture.home);
    for action in ["finding.created", "finding.mirrored"] {
        changeset.add_entry(&*fixture.entropy, kernel::Action::new(action), None, Vec::new());
    }
    let entries = changeset.entries().to_vec();
    fixture.commit(changeset).await.unwrap();
    let rows = fixture.store.audit_tables().waiting(None, 100, usize::MAX).await.unwrap();
    let [row] = &rows[..] else { panic!("{} rows", rows.len()) };
    assert_eq!((row.key.organization, row.entries), (fixture.home, 3));
    let read = audit_store::read_row(row, Some(&TestLogKey::DEFAULT)).unwrap();
    assert_eq!(read.parts, [(fixture.home, entries)]);
    assert!(audit_store::read_row(row, Some(&TestLogKey(2))).is_err());
}

/// A row that somebody removes before it is sealed is reported a minute later, with the number that its writer gave it.
pub async fn a_row_that_is_removed_before_it_is_sealed_is_reported(fixture: Fixture) {
    let organization = fixture.new_id();
    seal(&fixture, organization).await;
    append(&fixture, organization, 1).await;
    let removed = fixture.store.audit_tables().waiting(None, 10, usize::MAX).await.unwrap().remove(0);
    let read = audit_store::read_row(&removed, Some(&TestLogKey::DEFAULT)).unwrap();
    fixture.remove_waiting(removed.key).await;
    for _ in 0..2 {
        append(&fixture, organization, 1).await;
        fixture.clock.advance(Duration::from_secs(5));
    }
    let missing = async || fixture.seal_all().await.into_iter().flat_map(|round| round.missing).collect::<Vec<_>>();
    assert_eq!(missing().await, []);
    fixture.clock.advance(Duration::from_secs(61));
    let [found] = &missing().await[..] else { panic!("nothing is missing") };
    assert_eq!((found.writer, found.numbers.as_slice()), (read.writer, &[read.number..=read.number][..]));
    assert!(!found.has_ended);
    let log = fixture.audit_log(OrganizationId::INSTALLATION).await;
    assert!(log.iter().any(|stored| stored.entry.action == audit_store::ROWS_MISSING));
    assert_eq!(missing().await, [], "it is reported once");
}

/// A row that this installation has not written is neither shown nor sealed, and the entries beside it are.
pub async fn a_forged_row_is_neither_shown_nor_sealed(fixture: Fixture) {
    let organization = fixture.new_id();
    let forged = samples::full_entry(&*fixture.entropy, organization, fixture.clock.tick());
    let writer = audit_store::RowWriter::new(kernel::Ulid(77));
    writer.set_key(Arc::new(TestLogKey(2)));
    let row = writer.prepare(&[&forged]).unwrap().remove(0);
    fixture.insert_waiting(&row.row).await;
    let entries = append(&fixture, organization, 2).await;
    let shown =
        async || fixture.audit_log(organization).await.into_iter().map(|stored| stored.entry).collect::<Vec<_>>();
    assert_eq!(shown().await, entries);
    seal(&fixture, organization).await;
    assert_eq!(shown().await, entries);
    assert_chain(&stored(fixture.store.sealed(organization, 0, 100).await.unwrap()), &entries);
    let left = fixture.store.audit_tables().waiting(None, 100, usize::MAX).await.unwrap();
    assert!(left.contains(&row.row), "it stays as evidence");
    let log = fixture.audit_log(OrganizationId::INSTALLATION).await;
    assert!(log.iter().any(|stored| stored.entry.action == audit_store::ROW_REFUSED));
}
