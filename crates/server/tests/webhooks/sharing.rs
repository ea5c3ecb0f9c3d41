//! Two servers over one database share the work, and each takes over from the other.

use std::time::Duration;

use crate::{
    receiver::Receiver,
    stage::{SCOPES, record, subscribe, to_this_machine, until},
    support::{Fleet, Installation, eventually},
};

const SUBSCRIPTIONS: usize = 40;

/// So many attempts at once, and four times as many subscriptions held, are all that one server takes on.
const ROOM: &str = "8";

/// A server that was killed holds what it held for 20 s.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(60);

/// A figure of a server.
async fn figure(fleet: &Fleet, place: usize, name: &str) -> u64 {
    let (_, text) = fleet.probe(place, "/metrics").await;
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    value.map_or(0, |value| value.trim().parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_share_the_work_and_one_takes_over_when_the_other_dies() {
    let receiver = Receiver::start().await;
    let setup = |_, setup| to_this_machine(setup).set("WEBHOOKS_CONCURRENCY", ROOM);
    let fleet = Fleet::set_up(Installation::on_postgres().await, 2, setup);
    let client = fleet.client(&fleet.installation().account("integration", &SCOPES)).await;
    for number in 0..SUBSCRIPTIONS {
        subscribe(&client, &receiver.url(&format!("/gated/{number}")), &["finding.created"]).await;
    }
    record(&client, "shared").await;
    until("both are at it", TAKEN_OVER_WITHIN, || receiver.count("/gated/") > 8).await;
    receiver.open();
    until("all arrive", TAKEN_OVER_WITHIN, || receiver.count("/gated/") >= SUBSCRIPTIONS).await;
    assert_eq!(receiver.count("/gated/"), SUBSCRIPTIONS, "each arrives once while nobody dies");
    let delivered = "novantra_webhook_attempts_total{outcome=\"delivered\"}";
    let mut shares = [0; 2];
    eventually("both count", async || {
        shares = [figure(&fleet, 0, delivered).await, figure(&fleet, 1, delivered).await];
        (shares[0] + shares[1] == SUBSCRIPTIONS as u64).then_some(())
    })
    .await;
    println!("of {SUBSCRIPTIONS} deliveries the servers made {shares:?}");
    assert!(shares.iter().all(|share| *share > 0), "{shares:?}");

    subscribe(&client, &receiver.url("/hanging/one"), &["finding.created"]).await;
    record(&client, "hanging").await;
    until("one hangs", TAKEN_OVER_WITHIN, || receiver.count("/hanging/") == 1).await;
    let first = figure(&fleet, 0, "novantra_webhook_attempts_in_flight ").await;
    fleet.kill(usize::from(first == 0));
    until("the other sends it again", TAKEN_OVER_WITHIN, || receiver.count("/hanging/") == 2).await;
}
