//! Servers that are killed while they write.

use crate::{
    load::Load,
    support::{Fleet, Installation},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_servers_are_killed_no_acknowledged_write_is_lost_and_no_key_acts_twice() {
    let servers = Fleet::start(Installation::on_postgres().await, 2);
    let mut load = Load::begin(&servers, 8).await;
    load.writes(20).await;
    let kill_loop = servers.havoc();
    load.writes(200).await;
    let kills = kill_loop.end().await;
    assert!(kills >= 4, "only {kills} servers were killed");
    load.end(&servers).await;
    println!("{kills} servers were killed and restarted");
}
