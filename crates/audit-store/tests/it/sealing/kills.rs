//! Sealers that are killed, lose their connection or meet another one.

use std::{sync::Arc, time::Duration};

use audit::tables::{WaitingKey, WaitingRow};
use kernel::{Entry, StoreError, Ulid};
use novantra_audit_store::{RowWriter, Sealer};

use super::{
    flaky_tables::{Failure, FlakyTables},
    world::{LOG, Ran, World, organization},
};

/// Stores the rows of one step, which fill blocks of some chains.
async fn append_step(world: &World, writers: &[RowWriter; 2], step: usize) -> Vec<Entry> {
    world.clock.tick();
    let mut written = Vec::new();
    let counts: [&[(u128, usize)]; 4] =
        [&[(1, 250), (2, 3)], &[(1, 4), (3, 1)], &[(1, 10), (2, 6)], &[(2, 1), (3, 5), (1, 3)]];
    for (number, count) in counts[step] {
        let entries = world.entries(organization(*number), *count);
        // Some of the entries are in a row with those of others.
        let (own, shared) = entries.split_at(count / 2);
        for entries in [own.to_vec(), [shared, &world.entries(LOG, 1)].concat()] {
            if !entries.is_empty() {
                world.append(&writers[step % 2], &entries).await;
                written.extend(entries);
            }
        }
    }
    written
}

/// Seals while one call of the tables fails. Returns whether there was such a call.
async fn survives(failing: usize, failure: Failure, is_killed: bool) -> bool {
    let world = World::new().await;
    let writers = [world.writer(1), world.writer(2)];
    let tables = Arc::new(FlakyTables::new(Arc::clone(&world.tables), failing, failure));
    let mut sealer = world.sealer_over("a", Arc::clone(&tables) as _);
    let (mut written, mut ran) = (Vec::new(), Ran::default());
    for step in 0..5 {
        if step < 4 {
            written.extend(append_step(&world, &writers, step).await);
        } else {
            world.settle(&writers[0], true).await;
            world.settle(&writers[1], true).await;
        }
        while let Err(error) = world.try_run(&mut sealer, "a", &mut ran).await {
            assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
            if is_killed {
                sealer = world.sealer_over("a", Arc::clone(&tables) as _);
            }
        }
    }
    assert!(ran.is_quiet(), "failing call {failing} {failure:?}: {ran:?}");
    assert_eq!(world.waiting().await, []);
    for number in [LOG, organization(1), organization(2), organization(3)] {
        let mut chain = world.chain(number).await;
        let mut expected: Vec<Entry> = written.iter().filter(|entry| entry.organization == number).cloned().collect();
        chain.sort_by_key(|entry| entry.id);
        expected.sort_by_key(|entry| entry.id);
        assert!(chain == expected, "failing call {failing} {failure:?}: {} entries", chain.len());
        let head = world.head(number).await.unwrap();
        let is_logged = ran.checkpoints.iter().any(|checkpoint| checkpoint.sequence == head.head.sequence);
        assert!(is_logged, "the last checkpoint is logged");
    }
    tables.has_failed()
}

async fn survives_everywhere(failure: Failure) {
    for is_killed in [true, false] {
        let mut failing = 1;
        while survives(failing, failure, is_killed).await {
            failing += 1;
        }
        assert!(failing > 20, "only {failing} calls were made");
    }
}

#[tokio::test]
async fn a_sealer_that_is_killed_between_two_steps_loses_nothing_and_doubles_nothing() {
    survives_everywhere(Failure::Before).await;
}

#[tokio::test]
async fn a_round_whose_outcome_is_unknown_is_neither_lost_nor_stored_twice() {
    survives_everywhere(Failure::After).await;
}

#[tokio::test]
async fn a_round_that_is_refused_once_is_made_again_from_what_is_stored() {
    survives_everywhere(Failure::Refused).await;
}

/// Runs a sealer until nothing is left to do, however often it loses its connection.
async fn run_through(world: &World, sealer: &mut Sealer, ran: &mut Ran) {
    while let Err(error) = world.try_run(sealer, "b", ran).await {
        assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    }
}

#[tokio::test]
async fn heads_that_were_found_at_a_takeover_are_logged_although_its_first_round_fails() {
    for failing in 1.. {
        let world = World::new().await;
        let writer = world.writer(1);
        world.append(&writer, &world.entries(organization(1), 3)).await;
        let sealed = world.run(&mut world.sealer("a"), "a").await.checkpoints;
        world.append(&writer, &world.entries(organization(2), 3)).await;
        let tables = Arc::new(FlakyTables::new(Arc::clone(&world.tables), failing, Failure::Before));
        let (mut sealer, mut ran) = (world.sealer_over("b", Arc::clone(&tables) as _), Ran::default());
        run_through(&world, &mut sealer, &mut ran).await;
        assert!(ran.checkpoints.contains(&sealed[0]), "failing call {failing}");
        if !tables.has_failed() {
            assert!(failing > 5);
            return;
        }
    }
}

#[tokio::test]
async fn entries_about_the_log_that_waited_are_sealed_once_if_the_outcome_of_their_round_is_unknown() {
    for failing in 1.. {
        let world = World::new().await;
        let writer = world.writer(1);
        world.append(&writer, &world.entries(LOG, 1)).await;
        world.run(&mut world.sealer("a"), "a").await;
        let stored = world.head(LOG).await.unwrap();
        let mut changed = stored.clone();
        changed.head.sequence = 7;
        world.replace_head(&stored, &changed, None).await;
        let key = WaitingKey { organization: organization(1), id: Ulid(9) };
        world.insert(&WaitingRow { key, entries: 1, body: b"NVAW".to_vec() }).await;
        let tables = Arc::new(FlakyTables::new(Arc::clone(&world.tables), failing, Failure::After));
        let mut sealer = world.sealer_over("b", Arc::clone(&tables) as _);
        run_through(&world, &mut sealer, &mut Ran::default()).await;
        let is_first_part = tables.has_failed();
        world.replace_head(&changed, &stored, None).await;
        world.clock.advance(Duration::from_secs(61));
        world.append(&writer, &world.entries(organization(1), 1)).await;
        run_through(&world, &mut sealer, &mut Ran::default()).await;
        // What is found in a round whose outcome is unknown is only in the state of the rows.
        assert!(is_first_part || world.reports().await.len() == 1, "failing call {failing}");
        assert!(world.reports().await.len() <= 1, "failing call {failing}");
        if !tables.has_failed() {
            return;
        }
    }
}

#[tokio::test]
async fn a_sealer_that_was_paused_stores_nothing_after_another_one_has_taken_over() {
    let world = World::new().await;
    let (writer, mut paused, mut next) = (world.writer(1), world.sealer("a"), world.sealer("b"));
    world.append(&writer, &world.entries(organization(1), 10)).await;
    assert_eq!(world.run(&mut paused, "a").await.sealed, 10);
    world.append(&writer, &world.entries(organization(1), 10)).await;
    assert_eq!(world.run(&mut next, "b").await.sealed, 10);
    world.append(&writer, &world.entries(organization(1), 10)).await;
    let round = paused.run_round().await.unwrap();
    assert!(round.is_outdated && round.sealed == 0 && round.checkpoints.is_empty());
    let ran = world.run(&mut paused, "a").await;
    assert!(ran.is_quiet() && ran.sealed == 10, "{ran:?}");
    assert_eq!(world.chain(organization(1)).await.len(), 30);
}

#[tokio::test]
async fn an_idle_sealer_has_no_work() {
    let world = World::new().await;
    let (writer, mut sealer) = (world.writer(1), world.sealer("a"));
    assert!(!sealer.has_work().await.unwrap());
    world.append(&writer, &world.entries(organization(1), 1)).await;
    assert!(sealer.has_work().await.unwrap());
    world.run(&mut sealer, "a").await;
    world.settle(&writer, false).await;
    assert!(sealer.has_work().await.unwrap(), "an empty row is taken, too");
    world.run(&mut sealer, "a").await;
    world.clock.advance(Duration::from_secs(40 * 3600));
    assert!(!sealer.has_work().await.unwrap());
    world.clock.advance(Duration::from_secs(10 * 3600));
    let ran = world.run(&mut sealer, "a").await;
    let ended: Vec<bool> = ran.missing.iter().map(|missing| missing.has_ended).collect();
    assert_eq!(
        (ran.rounds, ended),
        (1, vec![true]),
        "a silent writer has ended without its last row, and is forgotten"
    );
    assert_eq!(world.tables.writers().await.unwrap().len(), 1);
}
