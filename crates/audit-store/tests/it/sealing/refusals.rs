//! Rounds that the database refuses.

use std::{sync::Arc, time::Duration};

use super::{
    flaky_tables::{Failure, FlakyTables},
    world::{LOG, World, organization},
};

const MINUTE: Duration = Duration::from_secs(61);

#[tokio::test]
async fn the_refused_chain_of_the_installation_stops_no_other_one_although_the_sealer_has_entries_for_it() {
    for has_row in [true, false] {
        let world = World::new().await;
        let writer = world.writer(1);
        world.append(&writer, &world.entries(organization(1), 1)).await;
        world.run(&mut world.sealer("a"), "a").await;
        // A suppressed row is reported, and the heads of the last day are named.
        let suppressed = world.append(&writer, &world.entries(organization(1), 1)).await.remove(0);
        world.delete(suppressed.key).await;
        world.settle(&writer, false).await;
        world.run(&mut world.sealer("a"), "a").await;
        world.clock.advance(Duration::from_secs(25 * 3600));
        if has_row {
            let shared = [world.entries(LOG, 1), world.entries(organization(2), 2)].concat();
            world.append(&writer, &shared).await;
            world.append(&writer, &world.entries(organization(1), 2)).await;
        }
        let tables = FlakyTables::new(Arc::clone(&world.tables), 0, Failure::Chain(LOG));
        let mut sealer = world.sealer_over("a", Arc::new(tables));
        let ran = world.run(&mut sealer, "a").await;
        assert!(!ran.faults.is_empty() && ran.faults.iter().all(|(chain, _)| *chain == LOG), "{ran:?}");
        assert_eq!(ran.missing.len(), 1);
        assert!(!sealer.has_work().await.unwrap(), "the chain rests");
        if has_row {
            assert_eq!(world.chain(organization(1)).await.len(), 3);
            assert_eq!(world.chain(organization(2)).await.len(), 2);
        }
        world.clock.advance(MINUTE);
        let ran = world.run(&mut sealer, "a").await;
        assert!(!ran.faults.is_empty(), "it is tried again: {ran:?}");
    }
}
