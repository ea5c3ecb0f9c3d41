//! Servers that are killed while they write.

use crate::{
    load::Load,
    support::{Installation, ServerCluster},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_write_is_lost_or_repeated_while_servers_are_killed() {
    let servers = ServerCluster::start(Installation::with_new_postgres().await, 2);
    let mut load = Load::start(&servers, 8).await;
    load.wait_for_writes(20).await;
    let kill_loop = servers.start_kill_loop();
    load.wait_for_writes(200).await;
    let kills = kill_loop.stop().await;
    assert!(kills >= 4, "only {kills} servers were killed");
    load.stop_and_verify(&servers).await;
    println!("{kills} servers were killed and restarted");
}
