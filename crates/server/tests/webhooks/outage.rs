//! A restart of PostgreSQL during deliveries.

use std::time::{Duration, Instant};

use postgres_cluster::{Cluster, INSTALL_HINT, Shutdown, find_programs};

use crate::{
    receiver::Receiver,
    stage::{SCOPES, deliveries, record, subscribe, to_this_machine, until},
    support::{Client, Installation, Setup, eventually},
};

const EVENTS: usize = 60;

/// The duration of the database outage: longer than a partition lease, so that every lease expires meanwhile.
const AWAY: Duration = Duration::from_secs(30);

/// The partitions of a server that has lost its database can be acquired again after 20 s.
const RESUMED_WITHIN: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_resume_after_the_database_was_away_and_none_is_lost() {
    let durable = ["fsync=on", "full_page_writes=on", "synchronous_commit=on"];
    let mut cluster = Cluster::start(&find_programs().expect(INSTALL_HINT), &durable).expect("a cluster");
    let receiver = Receiver::start().await;
    let server = to_this_machine(Setup::over(Installation::at(cluster.url())).unlimited()).start();
    let client = Client::with_token(&server.url, &server.account("integration", &SCOPES)).await;
    let gated = subscribe(&client, &receiver.url("/gated/one"), &["finding.created"]).await;
    let open = subscribe(&client, &receiver.url("/open"), &["finding.created"]).await;
    for number in 0..EVENTS {
        record(&client, &format!("before-{number}")).await;
    }
    until("one delivery is in flight", Duration::from_secs(10), || receiver.count("/gated/") == 1).await;

    cluster.stop(Shutdown::Immediate).expect("PostgreSQL stops");
    let stopped = Instant::now();
    eventually("the server notices", async || (server.probe("/readyz").await.0 == 503).then_some(())).await;
    // The result of the attempt can't be stored.
    receiver.open();
    let mut timer = crate::support::Pace::until("a failed query for due partitions is logged", AWAY * 2);
    while stopped.elapsed() < AWAY || !server.log().contains("can't load due webhook deliveries") {
        timer.tick().await;
    }
    assert_eq!(receiver.count("/gated/"), 1, "nothing may be sent for an account whose status can't be read");
    cluster.restart().expect("PostgreSQL starts");

    until("all events arrive", RESUMED_WITHIN, || {
        receiver.distinct("/gated/one") == EVENTS && receiver.distinct("/open") == EVENTS
    })
    .await;
    for number in 0..5 {
        let key = format!("after-{number}");
        eventually("the server stores a finding", async || {
            let answer = client.post_once(crate::stage::FINDINGS, &key, &crate::support::finding(&key)).await;
            (answer.status == 201).then_some(())
        })
        .await;
    }
    until("the events after the outage arrive", RESUMED_WITHIN, || receiver.distinct("/open") == EVENTS + 5).await;
    for id in [gated, open] {
        eventually("all deliveries are recorded as delivered", async || {
            let deliveries = deliveries(&client, &id).await;
            let delivered = deliveries.iter().filter(|delivery| delivery["status"] == "delivered").count();
            (delivered == EVENTS + 5).then_some(())
        })
        .await;
    }
    println!("{} deliveries for {} events at two receivers", receiver.count("/"), EVENTS + 5);
}
