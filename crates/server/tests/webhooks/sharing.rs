//! Two servers of one database share the deliveries, and each takes over from the other.

use std::time::Duration;

use crate::{
    actions::{SCOPES, allow_loopback, create_finding, subscribe, wait_until},
    receiver::WebhookReceiver,
    support::{Installation, ServerCluster, eventually},
};

const SUBSCRIPTIONS: usize = 40;

/// The configured number of concurrent attempts per server. A server leases at most four times as many partitions.
const CONCURRENCY: &str = "8";

const DELIVERED_WITHIN: Duration = Duration::from_secs(60);

/// The time within which another server sends the deliveries of a killed one.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(5);

/// The value of a metric of a server, or 0 if it is missing.
async fn metric(servers: &ServerCluster, index: usize, name: &str) -> u64 {
    let (_, text) = servers.probe(index, "/metrics").await;
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    value.map_or(0, |value| value.trim().parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_share_the_work_and_one_takes_over_when_the_other_dies() {
    let receiver = WebhookReceiver::start().await;
    let setup = |_, setup| allow_loopback(setup).set("WEBHOOKS_CONCURRENCY", CONCURRENCY);
    let servers = ServerCluster::start_with(Installation::with_new_postgres().await, 2, setup);
    let client = servers.client(&servers.installation().create_account("integration", &SCOPES)).await;
    for number in 0..SUBSCRIPTIONS {
        subscribe(&client, &receiver.url(&format!("/gated/{number}")), &["finding.created"]).await;
    }
    create_finding(&client, "shared").await;
    wait_until("both servers deliver", DELIVERED_WITHIN, || receiver.count("/gated/") > 8).await;
    receiver.open_gate();
    wait_until("all events arrive", DELIVERED_WITHIN, || receiver.count("/gated/") >= SUBSCRIPTIONS).await;
    assert_eq!(receiver.count("/gated/"), SUBSCRIPTIONS, "without failures, each event arrives once");
    let delivered = "novantra_webhook_attempts_total{outcome=\"delivered\"}";
    let mut shares = [0; 2];
    eventually("the metrics of both servers add up", async || {
        shares = [metric(&servers, 0, delivered).await, metric(&servers, 1, delivered).await];
        (shares[0] + shares[1] == SUBSCRIPTIONS as u64).then_some(())
    })
    .await;
    println!("the servers made {shares:?} of {SUBSCRIPTIONS} deliveries");
    assert!(shares.iter().all(|share| *share > 0), "{shares:?}");

    subscribe(&client, &receiver.url("/hanging/one"), &["finding.created"]).await;
    create_finding(&client, "hanging").await;
    wait_until("one delivery hangs", DELIVERED_WITHIN, || receiver.count("/hanging/") == 1).await;
    let first = metric(&servers, 0, "novantra_webhook_attempts_in_flight ").await;
    servers.kill(usize::from(first == 0));
    wait_until("the other server sends it again", TAKEN_OVER_WITHIN, || receiver.count("/hanging/") == 2).await;
}
