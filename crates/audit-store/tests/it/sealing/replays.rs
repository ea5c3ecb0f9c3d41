//! Rows that are stored again: by their process, by the sealer, or by someone who has kept a copy.

use std::time::Duration;

use audit::tables::{SealingRound, WaitingRow};
use kernel::Ulid;

use super::{
    tampering::set_head,
    world::{World, organization},
};
use crate::made_log::round;

const MINUTE: Duration = Duration::from_secs(61);

#[tokio::test]
async fn no_part_of_a_repeated_row_is_sealed_twice_while_the_chain_of_another_part_rests() {
    for is_sealed_first in [true, false] {
        let world = World::new().await;
        let (writer, mut sealer) = (world.writer(1), world.sealer("a"));
        world.append(&writer, &world.entries(organization(1), 1)).await;
        world.run(&mut sealer, "a").await;
        let before = world.head(organization(1)).await.unwrap();
        let shared = [world.entries(organization(1), 2), world.entries(organization(2), 2)].concat();
        let prepared = writer.prepare(&shared.iter().collect::<Vec<_>>()).unwrap().remove(0);
        world.insert(&prepared.row).await;
        if is_sealed_first {
            world.run(&mut sealer, "a").await;
        }
        let after = world.head(organization(1)).await.unwrap();
        set_head(&world, |head| head.head.hash = audit::Hash::digest(b"another")).await;
        let mut sealer = world.sealer("a");
        if !is_sealed_first {
            assert_eq!(world.run(&mut sealer, "a").await.faults.len(), 1);
        }
        world.insert(&prepared.repeated()).await;
        prepared.stored();
        let ran = world.run(&mut sealer, "a").await;
        assert!(ran.refused.is_empty() && ran.sealed == 0, "{ran:?}");
        assert_eq!(world.chain(organization(2)).await.len(), 2);
        set_head(&world, |head| *head = if is_sealed_first { after } else { before }).await;
        world.clock.advance(MINUTE);
        assert!(world.run(&mut sealer, "a").await.is_quiet());
        assert_eq!(world.chain(organization(1)).await.len(), 3);
        assert_eq!(world.chain(organization(2)).await.len(), 2);
        assert!(world.waiting().await.iter().all(|row| row.entries == 0), "only keys are occupied");
    }
}

#[tokio::test]
async fn a_row_that_is_put_back_as_if_its_process_had_repeated_it_is_refused() {
    let world = World::new().await;
    let (writer, mut sealer) = (world.writer(1), world.sealer("a"));
    let kept = world.append(&writer, &world.entries(organization(1), 3)).await.remove(0);
    world.append(&writer, &world.entries(organization(1), 1)).await;
    assert!(world.run(&mut sealer, "a").await.is_quiet());
    world.insert(&WaitingRow { entries: -kept.entries, ..kept.clone() }).await;
    let ran = world.run(&mut sealer, "a").await;
    assert_eq!((ran.refused.len(), ran.refused[0].key), (1, kept.key));
    assert_eq!(world.chain(organization(1)).await.len(), 4);
}

#[tokio::test]
async fn rows_that_are_put_back_with_an_older_state_of_their_writer_are_refused_by_another_sealer() {
    let world = World::new().await;
    let writer = world.writer(1);
    world.append(&writer, &world.entries(organization(1), 1)).await;
    world.run(&mut world.sealer("a"), "a").await;
    let writers: Vec<_> = world.tables.writers().await.unwrap();
    let writers = writers.into_iter().filter(|row| row.writer != Ulid(0)).collect();
    // The first part of the row is that of a chain in which it is the first.
    let shared = [world.entries(organization(1), 2), world.entries(organization(2), 2)].concat();
    let kept = world.append(&writer, &shared).await.remove(0);
    world.run(&mut world.sealer("a"), "a").await;
    world.change(SealingRound { writers, waiting: vec![kept.clone()], ..round() }).await;
    let ran = world.run(&mut world.sealer("b"), "b").await;
    assert_eq!((ran.refused.len(), ran.refused[0].key), (1, kept.key));
    assert_eq!(world.chain(organization(1)).await.len(), 3);
    assert_eq!(world.chain(organization(2)).await.len(), 2);
}

#[tokio::test]
async fn what_was_set_aside_for_days_is_sealed_without_a_word_about_missing_rows() {
    let world = World::new().await;
    let (writer, mut sealer) = (world.writer(1), world.sealer("a"));
    world.append(&world.writer(2), &world.entries(organization(1), 1)).await;
    world.run(&mut sealer, "a").await;
    let before = world.head(organization(1)).await.unwrap();
    set_head(&world, |head| head.head.hash = audit::Hash::digest(b"another")).await;
    for _ in 0..3 {
        world.append(&writer, &world.entries(organization(1), 1)).await;
        world.clock.advance(Duration::from_secs(5));
    }
    world.settle(&writer, true).await;
    let mut sealer = world.sealer("a");
    assert_eq!(world.run(&mut sealer, "a").await.faults.len(), 1);
    world.clock.advance(Duration::from_secs(49 * 3600));
    world.run(&mut sealer, "a").await;
    set_head(&world, |head| *head = before).await;
    world.clock.advance(MINUTE);
    let ran = world.run(&mut sealer, "a").await;
    assert!(ran.is_quiet(), "{ran:?}");
    assert_eq!(world.chain(organization(1)).await.len(), 4);
    world.clock.advance(MINUTE);
    let ran = world.run(&mut sealer, "a").await;
    assert!(ran.is_quiet(), "{ran:?}");
}
