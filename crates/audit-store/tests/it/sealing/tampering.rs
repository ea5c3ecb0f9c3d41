//! Rows, heads and states that someone has changed.

use std::time::Duration;

use audit::{
    Checkpoint, Hash, Tree,
    tables::{HeadChange, SealingRound, StoredHead, WaitingKey, WaitingRow, WriterRow},
};
use kernel::{Entry, Ulid};
use novantra_audit_store::{ROW_REFUSED, ROWS_MISSING, WRITER_STATE_ALTERED};

use super::world::{LOG, Ran, World, organization, value};
use crate::made_log::round;

const MINUTE: Duration = Duration::from_secs(61);

async fn seal(world: &World) -> Ran {
    world.run(&mut world.sealer("a"), "a").await
}

#[tokio::test]
async fn a_forged_row_is_refused_once_and_stays_while_other_rows_are_sealed() {
    let world = World::new().await;
    let writer = world.writer(1);
    let mut forged = world.append(&writer, &world.entries(organization(1), 5)).await.remove(0);
    world.append(&writer, &world.entries(organization(1), 2)).await;
    world.delete(forged.key).await;
    forged.body[60] ^= 1;
    world.insert(&forged).await;
    let mut sealer = world.sealer("a");
    let ran = world.run(&mut sealer, "a").await;
    assert_eq!((ran.sealed, ran.refused.len(), ran.refused[0].key), (3, 1, forged.key));
    assert!(!sealer.has_work().await.unwrap());
    assert!(seal(&world).await.refused.is_empty(), "a further sealer does not report it again");
    assert_eq!(world.waiting().await, [forged.clone()]);
    let reports = world.reports().await;
    assert_eq!((reports.len(), &reports[0].action), (1, &ROW_REFUSED));
    assert_eq!(value(&reports[0], "row"), forged.key.id.to_string());
    // Its number is missing, too.
    world.clock.advance(Duration::from_secs(10));
    world.settle(&writer, false).await;
    seal(&world).await;
    world.clock.advance(MINUTE);
    let ran = seal(&world).await;
    assert_eq!((ran.missing[0].numbers.clone(), ran.missing[0].has_ended), (vec![1..=1], false));
}

#[tokio::test]
async fn a_suppressed_row_is_missed_after_a_minute_and_accepted_if_it_was_only_held_back() {
    let world = World::new().await;
    let writer = world.writer(1);
    world.append(&writer, &world.entries(organization(1), 1)).await;
    let held_back = world.append(&writer, &world.entries(organization(1), 3)).await.remove(0);
    world.delete(held_back.key).await;
    world.append(&writer, &world.entries(organization(2), 1)).await;
    let mut sealer = world.sealer("a");
    assert!(world.run(&mut sealer, "a").await.is_quiet());
    world.clock.advance(Duration::from_secs(5));
    world.settle(&writer, false).await;
    assert!(world.run(&mut sealer, "a").await.is_quiet());
    world.clock.advance(MINUTE);
    assert!(sealer.has_work().await.unwrap());
    let ran = world.run(&mut sealer, "a").await;
    assert_eq!((ran.missing.len(), ran.missing[0].numbers.clone(), ran.missing[0].has_ended), (1, vec![2..=2], false));
    let reports = world.reports().await;
    assert_eq!((reports.len(), &reports[0].action), (1, &ROWS_MISSING));
    assert_eq!((value(&reports[0], "numbers"), value(&reports[0], "ended")), ("2".to_owned(), "false".to_owned()));
    world.clock.advance(MINUTE);
    assert!(world.run(&mut sealer, "a").await.is_quiet(), "it is reported once");
    world.insert(&held_back).await;
    let ran = world.run(&mut sealer, "a").await;
    assert!(ran.is_quiet() && ran.sealed == 3, "{ran:?}");
    assert_eq!(world.chain(organization(1)).await.len(), 4);
}

#[tokio::test]
async fn the_gap_of_a_process_that_was_killed_is_only_a_warning() {
    let world = World::new().await;
    let writer = world.writer(1);
    let lost = world.append(&writer, &world.entries(organization(1), 3)).await.remove(0);
    world.append(&writer, &world.entries(organization(1), 1)).await;
    world.delete(lost.key).await;
    seal(&world).await;
    world.clock.advance(MINUTE);
    let ran = seal(&world).await;
    assert_eq!((ran.missing.len(), ran.missing[0].has_ended), (1, true));
    assert_eq!(value(&world.reports().await[0], "ended"), "true");
}

#[tokio::test]
async fn a_number_that_its_process_gave_up_is_not_missing() {
    let world = World::new().await;
    let writer = world.writer(1);
    let entries = world.entries(organization(1), 2);
    let mut late = writer.prepare(&entries.iter().collect::<Vec<_>>()).unwrap();
    let row = late.remove(0).row.clone();
    world.append(&writer, &world.entries(organization(1), 1)).await;
    let mut sealer = world.sealer("a");
    world.run(&mut sealer, "a").await;
    world.clock.advance(MINUTE);
    world.settle(&writer, false).await;
    assert!(world.run(&mut sealer, "a").await.is_quiet());
    // The first attempt arrives after all.
    world.insert(&row).await;
    let ran = world.run(&mut sealer, "a").await;
    assert!(ran.is_quiet() && ran.sealed == 2, "{ran:?}");
    world.insert(&row).await;
    assert_eq!(world.run(&mut sealer, "a").await.refused.len(), 1);
    assert_eq!(world.chain(organization(1)).await.len(), 3);
}

#[tokio::test]
async fn a_row_that_is_put_back_is_refused_whether_its_writer_is_remembered_or_not() {
    for is_remembered in [true, false] {
        let world = World::new().await;
        let writer = world.writer(1);
        let doubled = world.append(&writer, &world.entries(organization(1), 3)).await.remove(0);
        world.append(&writer, &world.entries(organization(1), 3)).await;
        world.settle(&writer, !is_remembered).await;
        let mut sealer = world.sealer("a");
        assert!(world.run(&mut sealer, "a").await.is_quiet());
        world.insert(&doubled).await;
        let ran = world.run(&mut sealer, "a").await;
        assert_eq!((ran.refused.len(), ran.refused[0].key), (1, doubled.key));
        assert_eq!(world.reports().await[0].action, ROW_REFUSED);
        assert_eq!(world.chain(organization(1)).await.len(), 6);
    }
}

#[tokio::test]
async fn a_repeated_row_is_sealed_once_and_its_key_stays_occupied_for_a_day() {
    for is_first_stored in [true, false] {
        let world = World::new().await;
        let (writer, mut sealer) = (world.writer(1), world.sealer("a"));
        let entries = world.entries(organization(1), 3);
        let prepared = writer.prepare(&entries.iter().collect::<Vec<_>>()).unwrap().remove(0);
        if is_first_stored {
            world.insert(&prepared.row).await;
        }
        world.append(&writer, &world.entries(organization(1), 1)).await;
        world.run(&mut sealer, "a").await;
        world.insert(&prepared.repeated()).await;
        let ran = world.run(&mut sealer, "a").await;
        assert!(ran.is_quiet(), "{ran:?}");
        let key = prepared.row.key;
        assert_eq!(world.waiting().await, [WaitingRow { key, entries: 0, body: Vec::new() }]);
        prepared.stored();
        assert_eq!(world.chain(organization(1)).await.len(), 4);
        assert!(!sealer.has_work().await.unwrap());
        world.clock.advance(Duration::from_secs(24 * 3600));
        assert!(world.run(&mut sealer, "a").await.is_quiet());
        assert_eq!(world.waiting().await, []);
    }
}

/// Replaces the head of a chain by hand.
pub(super) async fn set_head(world: &World, set: impl FnOnce(&mut audit::tables::StoredHead)) {
    let stored = world.head(organization(1)).await.unwrap();
    let mut after = stored.clone();
    set(&mut after);
    world.replace_head(&stored, &after, None).await;
}

#[tokio::test]
async fn a_chain_with_a_changed_head_rests_and_stops_no_other_chain() {
    let world = World::new().await;
    let (writer, mut sealer) = (world.writer(1), world.sealer("a"));
    world.append(&writer, &world.entries(organization(1), 3)).await;
    world.run(&mut sealer, "a").await;
    let before = world.head(organization(1)).await.unwrap();
    set_head(&world, |head| head.head.hash = audit::Hash::digest(b"another")).await;
    let shared = [world.entries(organization(1), 2), world.entries(organization(2), 2)].concat();
    world.append(&writer, &shared).await;
    world.append(&writer, &world.entries(organization(1), 1)).await;
    for sealer in [&mut sealer, &mut world.sealer("a")] {
        let ran = world.run(sealer, "a").await;
        assert_eq!(ran.faults.len(), 1, "{ran:?}");
        assert_eq!(ran.faults[0].0, organization(1));
        assert!(ran.missing.is_empty() && ran.refused.is_empty());
        assert!(!sealer.has_work().await.unwrap(), "it rests");
    }
    assert_eq!(world.chain(organization(2)).await.len(), 2);
    let keys: Vec<_> = world.waiting().await.iter().map(|row| (row.key.organization, row.entries)).collect();
    assert_eq!(keys, [(organization(1), -2), (organization(1), -1)]);
    world.clock.advance(MINUTE);
    assert_eq!(world.run(&mut sealer, "a").await.faults.len(), 1, "it is tried again");
    // The head is put right.
    set_head(&world, |head| *head = before).await;
    world.clock.advance(MINUTE);
    let ran = world.run(&mut sealer, "a").await;
    assert!(ran.is_quiet() && ran.sealed == 3, "{ran:?}");
    assert_eq!(world.chain(organization(1)).await.len(), 6);
}

#[tokio::test]
async fn a_head_that_is_set_back_to_a_signed_one_is_refused_while_its_runs_or_its_sealer_remain() {
    for is_restarted in [true, false] {
        let world = World::new().await;
        let (writer, mut sealer) = (world.writer(1), world.sealer("a"));
        world.append(&writer, &world.entries(organization(1), 3)).await;
        world.run(&mut sealer, "a").await;
        let before = world.head(organization(1)).await.unwrap();
        world.append(&writer, &world.entries(organization(1), 3)).await;
        world.run(&mut sealer, "a").await;
        set_head(&world, |head| *head = before).await;
        if is_restarted {
            sealer = world.sealer("a");
        } else {
            let runs: Vec<i64> = vec![4];
            let stored = world.head(organization(1)).await.unwrap();
            let change = HeadChange {
                before: stored.head,
                after: stored,
                replaced_runs: runs,
                runs: Vec::new(),
                checkpoint: None,
            };
            world.change(SealingRound { heads: vec![change], ..round() }).await;
        }
        world.append(&writer, &world.entries(organization(1), 1)).await;
        let ran = world.run(&mut sealer, "a").await;
        assert_eq!(ran.faults.len(), 1, "{ran:?}");
    }
}

#[tokio::test]
async fn a_run_of_the_open_block_that_was_changed_or_removed_stops_its_chain() {
    let world = World::new().await;
    let writer = world.writer(1);
    world.append(&writer, &world.entries(organization(1), 3)).await;
    seal(&world).await;
    let stored = world.head(organization(1)).await.unwrap();
    let change =
        HeadChange { before: stored.head, after: stored, replaced_runs: vec![1], runs: Vec::new(), checkpoint: None };
    world.change(SealingRound { heads: vec![change], ..round() }).await;
    world.append(&writer, &world.entries(organization(1), 1)).await;
    let ran = seal(&world).await;
    assert!(ran.faults[0].1.contains("missing"), "{ran:?}");
}

/// The rows about writers, but for the sealer's own.
async fn states(world: &World) -> Vec<WriterRow> {
    world.tables.writers().await.unwrap().into_iter().filter(|row| row.writer != Ulid(0)).collect()
}

#[tokio::test]
async fn a_deleted_writer_state_shows_as_rows_that_are_missing() {
    let world = World::new().await;
    let writer = world.writer(1);
    for _ in 0..3 {
        world.append(&writer, &world.entries(organization(1), 1)).await;
    }
    seal(&world).await;
    let ended_writers = states(&world).await.iter().map(|row| row.writer).collect();
    world.change(SealingRound { ended_writers, ..round() }).await;
    world.append(&writer, &world.entries(organization(1), 1)).await;
    seal(&world).await;
    world.clock.advance(Duration::from_secs(5));
    world.settle(&writer, false).await;
    seal(&world).await;
    world.clock.advance(MINUTE);
    let ran = seal(&world).await;
    assert_eq!((ran.missing[0].numbers.clone(), ran.missing[0].has_ended), (vec![1..=3], false));
}

#[tokio::test]
async fn a_writer_state_that_was_altered_or_set_back_is_reported() {
    let world = World::new().await;
    let (writer, mut sealer) = (world.writer(1), world.sealer("a"));
    world.append(&writer, &world.entries(organization(1), 1)).await;
    world.run(&mut sealer, "a").await;
    let old = states(&world).await;
    let mut altered = old.clone();
    altered[0].state[2] ^= 1;
    world.change(SealingRound { writers: altered, ..round() }).await;
    let ran = world.run(&mut world.sealer("b"), "b").await;
    assert_eq!((ran.altered.clone(), ran.missing.len()), (vec![old[0].writer], 0));
    assert_eq!(world.reports().await[0].action, WRITER_STATE_ALTERED);
    assert_eq!(states(&world).await, []);

    for _ in 0..2 {
        world.append(&writer, &world.entries(organization(1), 1)).await;
        world.run(&mut sealer, "a").await;
    }
    world.change(SealingRound { writers: old, ..round() }).await;
    world.append(&writer, &world.entries(organization(1), 1)).await;
    assert_eq!(world.run(&mut sealer, "a").await.altered.len(), 1, "a state of before is an altered one");
}

#[tokio::test]
async fn entries_about_the_log_wait_while_the_installations_chain_rests() {
    let world = World::new().await;
    let (writer, mut sealer) = (world.writer(1), world.sealer("a"));
    world.append(&writer, &world.entries(LOG, 1)).await;
    world.run(&mut sealer, "a").await;
    let stored = world.head(LOG).await.unwrap();
    let mut changed = stored.clone();
    changed.head.sequence = 7;
    world.replace_head(&stored, &changed, None).await;
    sealer.forget();
    let key = WaitingKey { organization: organization(1), id: Ulid(9) };
    world.insert(&WaitingRow { key, entries: 1, body: b"NVAW".to_vec() }).await;
    let ran = world.run(&mut sealer, "a").await;
    assert_eq!((ran.refused.len(), ran.faults.len()), (1, 1));
    world.replace_head(&changed, &stored, None).await;
    world.clock.advance(MINUTE);
    world.append(&writer, &world.entries(organization(1), 1)).await;
    world.run(&mut sealer, "a").await;
    let reports: Vec<Entry> = world.reports().await;
    assert_eq!((reports.len(), &reports[0].action), (1, &ROW_REFUSED));
}

#[tokio::test]
async fn a_chain_whose_tree_was_changed_rests_and_its_tree_is_not_signed() {
    let world = World::new().await;
    let writer = world.writer(1);
    // The last block is full, so that no entry of it is loaded.
    world.append(&writer, &world.entries(organization(1), 256)).await;
    seal(&world).await;
    let head = world.head(organization(1)).await.unwrap();
    let edge = Tree::from_edge(256, vec![Hash([7; 32])]);
    let signed = head.signed.unwrap();
    let kept = Checkpoint {
        organization: organization(1),
        sequence: head.head.sequence,
        hash: head.head.hash,
        signed_at: signed.signed_at,
        signature: signed.checkpoint,
    };
    let changed = [
        (StoredHead { tree: edge, ..head.clone() }, None),
        (StoredHead { tree: None, ..head.clone() }, None),
        (StoredHead { high_id: Ulid(0), ..head.clone() }, None),
        (StoredHead { signed: None, ..head.clone() }, None),
        // Its checkpoint is valid, and with it a head that has neither a tree nor a tag would be one of an earlier version.
        (StoredHead { signed: None, tree: None, high_id: Ulid(0), ..head.clone() }, Some(kept)),
    ];
    world.append(&writer, &world.entries(organization(1), 1)).await;
    for (after, checkpoint) in changed {
        world.replace_head(&head, &after, checkpoint).await;
        let ran = seal(&world).await;
        assert_eq!((ran.sealed, ran.faults[0].0), (0, organization(1)), "{after:?}");
        assert_eq!(world.head(organization(1)).await.as_ref(), Some(&after));
        world.replace_head(&after, &head, None).await;
    }
    world.clock.advance(MINUTE);
    seal(&world).await;
    assert_eq!(world.chain(organization(1)).await.len(), 257);
}
