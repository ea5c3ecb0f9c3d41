//! Chains and their runs.

use std::{collections::BTreeSet, time::Duration};

use audit::{Checkpoint, tables::RunKey};
use kernel::{Clock, Entry};
use proptest::prelude::*;

use super::world::{LOG, World, organization, value};
use crate::{block_on, made_log::TestKey};

/// Whether the runs cover the chain, those of whole blocks with no smaller ones in between.
fn cover(runs: &[RunKey], length: i64) -> bool {
    let follow = runs.windows(2).all(|pair| pair[0].last_sequence + 1 == pair[1].first_sequence);
    let whole = runs.iter().filter(|run| run.last_sequence - run.first_sequence == 255).count() as i64;
    let ends = runs.first().is_none_or(|run| run.first_sequence == 1)
        && runs.last().map_or(0, |run| run.last_sequence) == length;
    follow && ends && whole == length / 256 && runs.windows(2).all(|pair| pair[0].high_id <= pair[1].high_id)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_chain_has_every_entry_once_however_entries_are_batched_and_sealers_alternate(
        batches in prop::collection::vec((prop::collection::vec((1_u128..4, 1_usize..90), 1..4), any::<bool>(), any::<bool>()), 1..10)
    ) {
        block_on(async {
            let world = World::new().await;
            let writer = world.writer(1);
            let mut written: Vec<Entry> = Vec::new();
            let mut sealer = world.sealer("a");
            for (parts, seals, is_replaced) in batches {
                world.clock.tick();
                let entries: Vec<Entry> =
                    parts.iter().flat_map(|(number, count)| world.entries(organization(*number), *count)).collect();
                world.append(&writer, &entries).await;
                written.extend(entries);
                if is_replaced {
                    sealer = world.sealer("a");
                }
                if seals {
                    assert!(world.run(&mut sealer, "a").await.is_quiet());
                }
            }
            world.settle(&writer, true).await;
            let ran = world.run(&mut world.sealer("b"), "b").await;
            assert!(ran.is_quiet(), "{ran:?}");
            assert_eq!(world.waiting().await, []);
            assert_eq!(world.tables.writers().await.unwrap().len(), 1, "only the sealer's own state is left");
            for number in 1..4 {
                let mut expected: Vec<Entry> =
                    written.iter().filter(|entry| entry.organization == organization(number)).cloned().collect();
                let chain = world.chain(organization(number)).await;
                let runs = world.tables.runs(organization(number)).await.unwrap();
                assert!(cover(&runs, chain.len() as i64), "{runs:?}");
                // Identifiers ascend in these tests, so batches follow one another in their order.
                expected.sort_by_key(|entry| entry.id);
                assert_eq!(chain, expected);
            }
        });
    }
}

#[tokio::test]
async fn entries_that_come_late_move_no_identifier_back_and_are_stated() {
    let world = World::new().await;
    let (writer, mut sealer) = (world.writer(1), world.sealer("a"));
    let late = world.entries(organization(1), 2);
    world.clock.advance(Duration::from_millis(700));
    let early = world.entries(organization(1), 300);
    world.append(&writer, &early).await;
    world.run(&mut sealer, "a").await;
    world.append(&writer, &late).await;
    world.run(&mut sealer, "a").await;
    let head = world.head(organization(1)).await.unwrap();
    assert_eq!((head.late_ms, head.high_id), (700, early[299].id.ulid()));
    assert_eq!(world.chain(organization(1)).await, [early, late].concat());
}

#[tokio::test]
async fn each_head_is_signed_and_the_first_of_a_day_and_of_a_segment_are_kept() {
    let world = World::new().await;
    let (writer, mut sealer) = (world.writer(1), world.sealer("a"));
    let mut logged = Vec::new();
    for count in [1, 10, 2000, 2000, 500] {
        world.clock.tick();
        world.append(&writer, &world.entries(organization(1), count)).await;
        logged.extend(world.run(&mut sealer, "a").await.checkpoints);
    }
    world.clock.advance(Duration::from_secs(24 * 3600));
    world.append(&writer, &world.entries(organization(1), 1)).await;
    logged.extend(world.run(&mut sealer, "a").await.checkpoints);
    logged.retain(|checkpoint| checkpoint.organization == organization(1));
    let sequences = |checkpoints: &[Checkpoint]| checkpoints.iter().map(|kept| kept.sequence).collect::<Vec<_>>();
    assert_eq!(sequences(&logged), [1, 11, 2011, 4011, 4511, 4512]);
    let kept = world.tables.checkpoints(organization(1), 0, 10).await.unwrap();
    assert_eq!(sequences(&kept), [1, 4511, 4512]);
    let head = world.head(organization(1)).await.unwrap();
    let signed = head.signed.unwrap();
    let last = Checkpoint::sign(&TestKey, organization(1), 4512, head.head.hash, world.clock.now());
    assert_eq!((logged[5], signed.checkpoint, signed.signed_at), (last, last.signature, world.clock.now()));
    assert!(signed.note.is_some());
}

#[tokio::test]
async fn the_installations_log_names_the_changed_heads_once_a_day() {
    let world = World::new().await;
    let (writer, mut sealer) = (world.writer(1), world.sealer("a"));
    for number in [1, 2] {
        world.append(&writer, &world.entries(organization(number), 3)).await;
    }
    world.run(&mut sealer, "a").await;
    assert_eq!(world.reports().await, [], "nothing was sealed before");
    world.clock.advance(Duration::from_secs(25 * 3600));
    let ran = world.run(&mut sealer, "a").await;
    assert_eq!((ran.sealed, world.reports().await.len()), (0, 0), "nothing changes");
    let heads = [world.head(organization(1)).await.unwrap(), world.head(organization(2)).await.unwrap()];
    // A further sealer knows when heads were named.
    let mut sealer = world.sealer("b");
    let writer = world.writer(2);
    world.append(&writer, &world.entries(organization(2), 1)).await;
    world.run(&mut sealer, "b").await;
    world.append(&writer, &world.entries(organization(2), 1)).await;
    world.run(&mut world.sealer("c"), "c").await;
    let reports = world.reports().await;
    assert_eq!(reports.len(), 1);
    let named: Vec<String> = reports[0].changes.iter().map(|change| format!("{:?}", change.after)).collect();
    assert_eq!(named.len(), 2);
    for (head, named) in heads.iter().zip(named) {
        let root = head.tree.as_ref().unwrap().root();
        let text = format!("{} {} {} {root}", head.organization, head.head.sequence, head.head.hash);
        assert!(named.contains(&text), "{named}");
    }
    assert_eq!((reports[0].organization, value(&reports[0], "head").is_empty()), (LOG, false));
}

#[tokio::test]
async fn a_head_that_was_signed_by_a_clock_behind_is_named_all_the_same() {
    let world = World::new().await;
    let writer = world.writer(1);
    world.append(&writer, &world.entries(organization(1), 3)).await;
    world.run(&mut world.sealer("a"), "a").await;
    let now = world.clock.now();
    world.clock.set(now - Duration::from_secs(90));
    world.append(&writer, &world.entries(organization(2), 3)).await;
    world.run(&mut world.sealer("a"), "a").await;
    world.clock.set(now + Duration::from_secs(25 * 3600));
    world.append(&writer, &world.entries(organization(1), 1)).await;
    world.run(&mut world.sealer("a"), "a").await;
    let reports = world.reports().await;
    let named: Vec<String> = reports[0].changes.iter().map(|change| format!("{:?}", change.after)).collect();
    assert!(named.iter().any(|named| named.contains(&organization(2).to_string())), "{named:?}");
}

#[tokio::test]
async fn a_round_is_bounded_and_no_busy_organization_keeps_others_waiting() {
    let world = World::new().await;
    let (writer, mut sealer) = (world.writer(1), world.sealer("a"));
    for _ in 0..5 {
        world.append(&writer, &world.entries(organization(1), 1000)).await;
    }
    for number in 2..102 {
        world.append(&writer, &world.entries(organization(number), 1)).await;
    }
    let mut sealed = Vec::new();
    for _ in 0..4 {
        world.acquire("a").await;
        let round = sealer.run_round().await.unwrap();
        assert!(round.more);
        sealed.push((round.sealed, round.checkpoints.len()));
    }
    assert_eq!(sealed, [(2000, 1), (64, 64), (36, 36), (2000, 1)]);
    world.run(&mut sealer, "a").await;
    assert_eq!((world.waiting().await.len(), world.chain(organization(1)).await.len()), (0, 5000));
}

#[tokio::test]
async fn the_heads_of_another_sealer_are_read_by_pages_after_a_round_was_stored() {
    let world = World::new().await;
    let writer = world.writer(1);
    for number in 1..=600 {
        world.append(&writer, &world.entries(organization(number), 1)).await;
    }
    world.run(&mut world.sealer("a"), "a").await;
    world.append(&writer, &world.entries(organization(1), 1)).await;
    let mut sealer = world.sealer("b");
    world.acquire("b").await;
    let round = sealer.run_round().await.unwrap();
    assert_eq!((round.sealed, round.more), (1, true));
    assert!(round.checkpoints.len() < 510, "{}", round.checkpoints.len());
    let mut found: BTreeSet<_> = round.checkpoints.iter().map(|kept| (kept.organization, kept.sequence)).collect();
    let rest = world.run(&mut sealer, "b").await.checkpoints;
    found.extend(rest.iter().map(|kept| (kept.organization, kept.sequence)));
    let expected = (1..=600).map(|number| (organization(number), 1)).chain([(organization(1), 2)]);
    assert_eq!(found, expected.collect());
    assert_eq!(round.checkpoints.len() + rest.len(), 601, "each is reported once");
}
