//! Every entry gets one position in the chain of its organization, without gaps (contract v1 § 8).

use std::sync::Arc;

use audit::{Checkpoint, Hash, Head, Seal, StoredEntry, Unsealed, UnsealedStats, hash_entry};
use kernel::{Entry, OrganizationId, Timestamp};

use crate::{Fixture, samples};

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

/// The unsealed entries of the organization, at most `limit` of them.
async fn unsealed(fixture: &Fixture, organization: OrganizationId, limit: usize) -> Unsealed {
    let unsealed = fixture.store.unsealed(organization, limit).await.unwrap().unwrap();
    assert!(unsealed.organization == organization && unsealed.entries.len() <= limit);
    unsealed
}

/// Seals all unsealed entries of an organization and returns the checkpoint.
async fn seal(fixture: &Fixture, organization: OrganizationId) -> Checkpoint {
    let (batch, checkpoint) = samples::seal_batch(&unsealed(fixture, organization, 1_000).await, fixture.clock.tick());
    assert!(fixture.store.seal(&batch, &checkpoint).await.unwrap());
    checkpoint
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

/// In every organization, sequences count from one without gaps over several batches, and hashes link the entries.
pub async fn every_organization_has_a_gapless_chain_of_its_own(fixture: Fixture) {
    let organizations = [fixture.new_id(), fixture.new_id(), OrganizationId::INSTALLATION];
    let mut logs = [Vec::new(), Vec::new(), Vec::new()];
    for count in 1..=3 {
        for (organization, log) in organizations.iter().zip(&mut logs) {
            log.extend(append(&fixture, *organization, count).await);
        }
        for organization in organizations {
            seal(&fixture, organization).await;
        }
    }
    for (organization, log) in organizations.iter().zip(&logs) {
        let chain = fixture.store.sealed(*organization, 0, 100).await.unwrap();
        assert_chain(&chain, log);
        let last = chain.last().and_then(|recorded| recorded.seal).unwrap();
        let head = fixture.store.head(*organization).await.unwrap();
        assert_eq!(head, Head { sequence: last.sequence, hash: last.hash });
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
}

/// Unsealed entries of an organization are returned oldest first, each once, and no more than requested.
pub async fn unsealed_entries_are_returned_oldest_first(fixture: Fixture) {
    seal(&fixture, fixture.home).await;
    assert_eq!(fixture.store.unsealed(fixture.home, 100).await.unwrap(), None);
    let (one, other) = (fixture.new_id(), fixture.new_id());
    let mut first = append(&fixture, one, 2).await;
    let second = append(&fixture, other, 2).await;
    let third = append(&fixture, one, 1).await;
    assert_eq!(unsealed(&fixture, one, 1).await.entries, first[..1]);
    let pending = unsealed(&fixture, one, 2).await;
    assert_eq!(pending, Unsealed { organization: one, head: Head::EMPTY, entries: first.clone() });
    let (batch, checkpoint) = samples::seal_batch(&pending, fixture.clock.tick());
    first.extend(third.clone());
    assert_eq!(unsealed(&fixture, one, 100).await.entries, first);
    assert!(fixture.store.seal(&batch, &checkpoint).await.unwrap());
    let rest = Unsealed { organization: one, head: batch.head(), entries: third };
    assert_eq!(unsealed(&fixture, one, 100).await, rest);
    assert_eq!(unsealed(&fixture, other, 100).await.entries, second);
}

/// Organizations with unsealed entries are listed once each, ordered by identifier, after any given position.
pub async fn organizations_with_unsealed_entries_are_listed_up_to_a_limit(fixture: Fixture) {
    seal(&fixture, fixture.home).await;
    let due = async |after, limit| fixture.store.organizations_with_unsealed(after, limit).await.unwrap();
    assert_eq!(due(None, 10).await, []);
    let mut organizations = vec![fixture.new_id(), fixture.new_id(), fixture.new_id(), OrganizationId::INSTALLATION];
    for organization in &organizations {
        append(&fixture, *organization, 3).await;
    }
    organizations.sort_unstable();
    assert_eq!(due(None, 10).await, organizations);
    assert_eq!(due(None, 2).await, organizations[..2]);
    assert_eq!(due(Some(organizations[1]), 2).await, organizations[2..]);
    assert_eq!(due(Some(organizations[3]), 2).await, []);
    seal(&fixture, organizations[1]).await;
    assert_eq!(due(Some(organizations[0]), 10).await, organizations[2..]);
}

/// Entries are sealed in the order of their identifiers, not in the order in which they were appended.
pub async fn entries_are_sealed_in_the_order_of_their_identifiers(fixture: Fixture) {
    let organization = fixture.new_id();
    let at = fixture.clock.tick();
    let mut entries: Vec<_> = (0..6).map(|_| samples::entry(&*fixture.entropy, organization, at)).collect();
    for index in [4, 0, 5, 2, 1, 3] {
        fixture.append(entries[index].clone()).await.unwrap();
    }
    assert_eq!(unsealed(&fixture, organization, 1_000).await.entries, entries);
    seal(&fixture, organization).await;
    // An entry that is appended late comes after those that were sealed before.
    let late = samples::entry(&*fixture.entropy, organization, Timestamp::from_millis(at.millis() - 60_000));
    fixture.append(late.clone()).await.unwrap();
    seal(&fixture, organization).await;
    entries.push(late);
    assert_chain(&fixture.store.sealed(organization, 0, 100).await.unwrap(), &entries);
}

/// A sealer whose batch is stale stores nothing: no seal, no checkpoint and no head.
pub async fn a_stale_batch_is_refused_and_stores_nothing(fixture: Fixture) {
    let organization = fixture.new_id();
    append(&fixture, organization, 2).await;
    let (stale, stale_checkpoint) =
        samples::seal_batch(&unsealed(&fixture, organization, 1_000).await, fixture.clock.tick());
    append(&fixture, organization, 1).await;
    let checkpoint = seal(&fixture, organization).await;
    let chain = fixture.store.sealed(organization, 0, 100).await.unwrap();
    let other = Head { sequence: 3, hash: Hash([1; 32]) };
    append(&fixture, organization, 1).await;
    let mismatched = Unsealed { head: other, ..unsealed(&fixture, organization, 1_000).await };
    let (mismatched, mismatched_checkpoint) = samples::seal_batch(&mismatched, fixture.clock.tick());
    for (batch, checkpoint_of_batch) in [(&stale, &stale_checkpoint), (&mismatched, &mismatched_checkpoint)] {
        assert!(!fixture.store.seal(batch, checkpoint_of_batch).await.unwrap());
        assert_eq!(fixture.store.sealed(organization, 0, 100).await.unwrap(), chain);
        assert_eq!(fixture.store.checkpoints(organization, 0, 100).await.unwrap(), [checkpoint]);
        let head = Head { sequence: checkpoint.sequence, hash: checkpoint.hash };
        assert_eq!(fixture.store.head(organization).await.unwrap(), head);
        assert_eq!(fixture.store.unsealed_stats(Some(organization)).await.unwrap().entries, 1);
    }
}

/// Of eight sealers with the same batch, one stores it.
pub async fn one_of_eight_concurrent_sealers_wins(fixture: Fixture) {
    let organization = fixture.new_id();
    let entries = append(&fixture, organization, 5).await;
    let (batch, checkpoint) = samples::seal_batch(&unsealed(&fixture, organization, 1_000).await, fixture.clock.tick());
    let sealers: Vec<_> = (0..8)
        .map(|_| {
            let (store, batch) = (Arc::clone(&fixture.store), batch.clone());
            tokio::spawn(async move { store.seal(&batch, &checkpoint).await.unwrap() })
        })
        .collect();
    let mut winners = 0;
    for sealer in sealers {
        winners += usize::from(sealer.await.unwrap());
    }
    assert_eq!(winners, 1);
    assert_chain(&fixture.store.sealed(organization, 0, 100).await.unwrap(), &entries);
    assert_eq!(fixture.store.checkpoints(organization, 0, 100).await.unwrap(), [checkpoint]);
}

/// Unsealed entries are counted, with the time of the oldest one, for one organization and for all.
pub async fn unsealed_entries_are_counted(fixture: Fixture) {
    seal(&fixture, fixture.home).await;
    let nothing = UnsealedStats { entries: 0, oldest: None };
    let (one, other) = (fixture.new_id(), fixture.new_id());
    assert_eq!(fixture.store.unsealed_stats(None).await.unwrap(), nothing);
    let first = append(&fixture, one, 3).await;
    let second = append(&fixture, other, 2).await;
    assert_eq!(
        fixture.store.unsealed_stats(Some(one)).await.unwrap(),
        UnsealedStats { entries: 3, oldest: Some(first[0].occurred_at) }
    );
    assert_eq!(
        fixture.store.unsealed_stats(Some(other)).await.unwrap(),
        UnsealedStats { entries: 2, oldest: Some(second[0].occurred_at) }
    );
    assert_eq!(
        fixture.store.unsealed_stats(None).await.unwrap(),
        UnsealedStats { entries: 5, oldest: Some(first[0].occurred_at) }
    );
    for (limit, counted) in [(2, 2), (3, 3), (100, 3)] {
        let waiting = fixture.store.waiting_stats(one, limit).await.unwrap();
        assert_eq!(waiting, UnsealedStats { entries: counted, oldest: Some(first[0].occurred_at) });
    }
    seal(&fixture, one).await;
    assert_eq!(fixture.store.unsealed_stats(Some(one)).await.unwrap(), nothing);
    assert_eq!(fixture.store.waiting_stats(one, 100).await.unwrap(), nothing);
    assert_eq!(
        fixture.store.unsealed_stats(None).await.unwrap(),
        UnsealedStats { entries: 2, oldest: Some(second[0].occurred_at) }
    );
}

/// A chain can be read from any sequence on, in batches of any size.
pub async fn a_chain_is_read_by_sequence(fixture: Fixture) {
    let organization = fixture.new_id();
    let entries = append(&fixture, organization, 7).await;
    seal(&fixture, organization).await;
    append(&fixture, organization, 1).await;
    let (mut chain, mut after) = (Vec::new(), 0);
    loop {
        let step = fixture.store.sealed(organization, after, 3).await.unwrap();
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

/// Every batch has a checkpoint, which reads back as it was signed, in the order of the chain.
pub async fn checkpoints_are_stored_in_chain_order(fixture: Fixture) {
    let organization = fixture.new_id();
    let mut expected = Vec::new();
    for count in [1, 3, 2, 1] {
        append(&fixture, organization, count).await;
        expected.push(seal(&fixture, organization).await);
    }
    let store = &fixture.store;
    assert_eq!(expected.iter().map(|checkpoint| checkpoint.sequence).collect::<Vec<_>>(), [1, 4, 6, 7]);
    assert_eq!(store.checkpoints(organization, 0, 100).await.unwrap(), expected);
    assert_eq!(store.checkpoints(organization, 0, 2).await.unwrap(), expected[..2]);
    assert_eq!(store.checkpoints(organization, 4, 100).await.unwrap(), expected[2..]);
    assert_eq!(store.checkpoints(organization, 3, 1).await.unwrap(), expected[1..2]);
    assert!(store.checkpoints(fixture.new_id(), 0, 100).await.unwrap().is_empty());
}

/// The chain begins after the removed entries: they are gone with their seals and checkpoints, and everything else is
/// left, also in other organizations.
pub async fn the_oldest_entries_are_removed_from_the_start_of_a_chain(fixture: Fixture) {
    let (organization, other) = (fixture.new_id(), fixture.new_id());
    let (mut entries, mut checkpoints) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        entries.extend(append(&fixture, organization, 3).await);
        checkpoints.push(seal(&fixture, organization).await);
        append(&fixture, other, 3).await;
        seal(&fixture, other).await;
    }
    append(&fixture, organization, 1).await;
    let (store, chain) = (&fixture.store, fixture.store.sealed(organization, 0, 100).await.unwrap());
    let at = |sequence: usize| {
        let seal = chain[sequence - 1].seal.unwrap();
        Head { sequence: seal.sequence, hash: seal.hash }
    };
    assert_eq!(store.removed(organization).await.unwrap(), Head::EMPTY);
    assert!(store.remove_entries(organization, Head::EMPTY, at(4)).await.unwrap());
    assert!(store.remove_entries(organization, at(4), at(7)).await.unwrap());
    assert_eq!(store.removed(organization).await.unwrap(), at(7));
    assert_eq!(store.sealed(organization, 0, 100).await.unwrap(), chain[7..]);
    assert_eq!(store.checkpoints(organization, 0, 100).await.unwrap(), checkpoints[2..]);
    assert_eq!(store.head(organization).await.unwrap(), at(12));
    assert_eq!(fixture.audit_log(organization).await.len(), 6);
    assert_eq!(store.entry(organization, entries[6].id).await.unwrap(), None);
    assert_eq!(unsealed(&fixture, organization, 10).await.entries.len(), 1);
    assert_eq!(store.sealed(other, 0, 100).await.unwrap().len(), 12);
    append(&fixture, organization, 1).await;
    assert_eq!(seal(&fixture, organization).await.sequence, 14, "the chain continues");
    assert_eq!(store.removed(organization).await.unwrap(), at(7));
}

/// A removal that does not fit the chain removes nothing: one from another start, one through an entry that the chain
/// does not have, and the second of two that run at once.
pub async fn entries_are_removed_only_from_the_start_that_the_chain_has(fixture: Fixture) {
    let organization = fixture.new_id();
    append(&fixture, organization, 6).await;
    seal(&fixture, organization).await;
    let (store, chain) = (&fixture.store, fixture.store.sealed(organization, 0, 100).await.unwrap());
    let at = |sequence: usize| {
        let seal = chain[sequence - 1].seal.unwrap();
        Head { sequence: seal.sequence, hash: seal.hash }
    };
    let remove = async |after, last| store.remove_entries(organization, after, last).await.unwrap();
    assert!(!remove(at(1), at(3)).await);
    assert!(!remove(Head::EMPTY, Head { hash: Hash::ZERO, ..at(3) }).await);
    assert!(!remove(Head::EMPTY, Head { sequence: 7, hash: at(6).hash }).await);
    assert_eq!(store.sealed(organization, 0, 100).await.unwrap(), chain);
    let removals: Vec<_> = (0..8)
        .map(|_| {
            let (store, last) = (Arc::clone(store), at(3));
            tokio::spawn(async move { store.remove_entries(organization, Head::EMPTY, last).await.unwrap() })
        })
        .collect();
    let mut removed = 0;
    for removal in removals {
        removed += usize::from(removal.await.unwrap());
    }
    assert_eq!(removed, 1);
    assert_eq!(store.sealed(organization, 0, 100).await.unwrap(), chain[3..]);
}
