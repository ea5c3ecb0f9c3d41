//! Servers that are killed in the middle of what they do.

use crate::{
    load::Load,
    support::{Fleet, Installation},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_servers_are_killed_no_acknowledged_write_is_lost_and_no_key_acts_twice() {
    let fleet = Fleet::start(Installation::on_postgres().await, 2);
    let mut load = Load::begin(&fleet, 8).await;
    load.writes(20).await;
    let havoc = fleet.havoc();
    load.writes(200).await;
    let kills = havoc.end().await;
    assert!(kills >= 4, "{kills} kills are no havoc");
    load.end(&fleet).await;
    println!("{kills} servers were killed and started again meanwhile");
}
