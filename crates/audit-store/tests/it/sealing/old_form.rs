//! Chains that begin in the old form.

use audit::{AuditFilter, Checkpoint, Hash, Head, StoredEntry, tables::SealingRound, tree_root};
use kernel::{Clock, Entry, PageRequest, Timestamp, Ulid};
use novantra_audit_store::{ROW_REFUSED, StoredLog};
use std::{sync::Arc, time::Duration};

use super::{
    flaky_tables::{Failure, FlakyTables},
    world::{World, last, organization, seals},
};
use crate::made_log::{TestKey, round};

/// Stores a chain in the old form, with entries that wait, and returns all of them.
async fn migrated(world: &World, sealed: usize, waiting: usize) -> Vec<Entry> {
    let entries = world.entries(organization(1), sealed + waiting);
    let sealed = seals(&entries[..sealed]);
    let head = last(&sealed);
    let seals = sealed.into_iter().map(Some).chain(std::iter::repeat(None));
    let stored: Vec<StoredEntry> =
        entries.iter().cloned().zip(seals).map(|(entry, seal)| StoredEntry { entry, seal }).collect();
    let checkpoint = Checkpoint::sign(&TestKey, organization(1), head.sequence, head.hash, world.clock.now());
    world.store.insert_old_entries(&stored, &[checkpoint]).unwrap();
    world.clock.tick();
    entries
}

/// The hash of the head of a chain of these entries, and the root of their tree.
fn expected(entries: &[Entry]) -> (Head, Hash) {
    let seals = seals(entries);
    (last(&seals), tree_root(seals.iter().map(|seal| seal.hash)))
}

#[tokio::test]
async fn a_chain_continues_from_the_old_form_and_takes_the_entries_of_the_last_block_along() {
    for (sealed, waiting, added) in
        [(600, 5, 10), (600, 0, 300), (512, 3, 1), (100, 1, 1), (100, 0, 200), (256, 0, 256)]
    {
        let world = World::new().await;
        let mut entries = migrated(&world, sealed, waiting).await;
        let (writer, mut sealer) = (world.writer(1), world.sealer("a"));
        let new = world.entries(organization(1), added);
        world.append(&writer, &new).await;
        entries.extend(new);
        let ran = world.run(&mut sealer, "a").await;
        assert!(ran.is_quiet(), "{ran:?}");
        // Once more, after a takeover.
        world.clock.tick();
        let new = world.entries(organization(1), 2);
        world.append(&writer, &new).await;
        entries.extend(new);
        assert!(world.run(&mut world.sealer("b"), "b").await.is_quiet());

        let head = world.head(organization(1)).await.unwrap();
        let (last, root) = expected(&entries);
        let old_through = sealed as i64 / 256 * 256;
        assert_eq!((head.head, head.old_through), (last, old_through), "{sealed} {waiting} {added}");
        assert_eq!(head.tree.map(|tree| tree.root()), (old_through == 0).then_some(root));
        assert_eq!(head.high_id, entries.last().unwrap().id.ulid());
        let runs = world.tables.runs(organization(1)).await.unwrap();
        assert_eq!(runs.first().map(|run| run.first_sequence), Some(old_through + 1));
        assert_eq!(runs.last().map(|run| run.last_sequence), Some(last.sequence));
        assert!(runs.windows(2).all(|pair| pair[0].last_sequence + 1 == pair[1].first_sequence));
        assert_eq!(world.tables.old_waiting(10).await.unwrap(), []);
    }
}

#[tokio::test]
async fn an_old_head_that_has_no_checkpoint_of_this_installation_is_refused() {
    let world = World::new().await;
    let entries = world.entries(organization(1), 1);
    let stored = StoredEntry { entry: entries[0].clone(), seal: seals(&entries).first().copied() };
    world.store.insert_old_entries(&[stored], &[]).unwrap();
    world.append(&world.writer(1), &world.entries(organization(1), 1)).await;
    let ran = world.run(&mut world.sealer("a"), "a").await;
    assert!(ran.faults[0].1.contains("no signature"), "{ran:?}");
}

#[tokio::test]
async fn entries_that_are_put_among_the_old_ones_after_these_were_sealed_are_refused_once_and_not_shown() {
    for is_state_deleted in [true, false] {
        let world = World::new().await;
        let entries = migrated(&world, 10, 5).await;
        world.append(&world.writer(1), &world.entries(organization(1), 1)).await;
        assert!(world.run(&mut world.sealer("a"), "a").await.is_quiet());
        assert_eq!(world.tables.old_waiting(10).await.unwrap(), []);
        let forged = world.entries(organization(1), 1).remove(0);
        world.store.insert_old_entries(&[StoredEntry { entry: forged.clone(), seal: None }], &[]).unwrap();
        if is_state_deleted {
            world.change(SealingRound { ended_writers: vec![Ulid(0)], ..round() }).await;
        }
        let ran = world.run(&mut world.sealer("b"), "b").await;
        assert_eq!((ran.refused.len(), ran.refused[0].key.id, ran.sealed), (1, forged.id.ulid(), 1), "{ran:?}");
        assert!(world.run(&mut world.sealer("c"), "c").await.refused.is_empty(), "it is reported once");
        world.append(&world.writer(2), &world.entries(organization(1), 1)).await;
        assert!(world.run(&mut world.sealer("d"), "d").await.is_quiet());
        assert_eq!(world.chain(organization(1)).await.len(), entries.len() + 2);
        assert!(world.reports().await.iter().any(|entry| entry.action == ROW_REFUSED));
        let log = StoredLog::new(Arc::clone(&world.tables));
        log.set_key(Arc::new(TestKey));
        let filter = AuditFilter::default();
        let page = log.entries(organization(1), &filter, &PageRequest::default(), Timestamp::MAX).await.unwrap();
        assert!(page.items.iter().all(|stored| stored.entry.id != forged.id));
        assert_eq!(log.entry(organization(1), forged.id).await.unwrap(), None);
    }
}

#[tokio::test]
async fn old_entries_behind_those_of_a_resting_chain_are_sealed_and_tried_again_after_an_error() {
    let world = World::new().await;
    let old = |number, count| {
        let entries = world.entries(organization(number), count);
        entries.into_iter().map(|entry| StoredEntry { entry, seal: None }).collect::<Vec<_>>()
    };
    world.store.insert_old_entries(&[old(1, 2100), old(2, 3)].concat(), &[]).unwrap();
    let tables = FlakyTables::new(Arc::clone(&world.tables), 0, Failure::Chain(organization(1)));
    let mut sealer = world.sealer_over("a", Arc::new(tables));
    let ran = world.run(&mut sealer, "a").await;
    assert_eq!((ran.sealed, ran.faults.len()), (3, 1), "{ran:?}");
    assert_eq!(world.chain(organization(2)).await.len(), 3);
    // It is tried again by the same sealer, and then by one that nothing is refused.
    world.clock.advance(Duration::from_secs(61));
    assert_eq!(world.run(&mut sealer, "a").await.faults.len(), 1);
    assert!(world.run(&mut world.sealer("b"), "b").await.is_quiet());
    assert_eq!(world.chain(organization(1)).await.len(), 2100);
}
