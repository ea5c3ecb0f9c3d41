//! A restart of PostgreSQL during deliveries.

use std::time::{Duration, Instant};

use postgres_cluster::{Cluster, INSTALL_HINT, Shutdown, find_programs};

use crate::{
    actions::{SCOPES, allow_loopback, create_finding, list_deliveries, subscribe, wait_until},
    receiver::WebhookReceiver,
    support::{Client, Installation, Setup, eventually},
};

const EVENTS: usize = 60;

/// The duration of the database outage: longer than a partition lease, so that every lease expires meanwhile.
const OUTAGE: Duration = Duration::from_secs(30);

/// The partitions of a server that has lost its database can be acquired again after 4 s.
const RESUMED_WITHIN: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_resume_after_a_database_outage_and_none_is_lost() {
    let durable = ["fsync=on", "full_page_writes=on", "synchronous_commit=on"];
    let mut cluster = Cluster::start(&find_programs().expect(INSTALL_HINT), &durable).expect("a cluster");
    let receiver = WebhookReceiver::start().await;
    let server =
        allow_loopback(Setup::with_installation(Installation::with_postgres(cluster.url())).unlimited()).start();
    let client = Client::with_token(&server.url, &server.create_account("integration", &SCOPES)).await;
    let gated = subscribe(&client, &receiver.url("/gated/one"), &["finding.created"]).await;
    let open = subscribe(&client, &receiver.url("/open"), &["finding.created"]).await;
    for number in 0..EVENTS {
        create_finding(&client, &format!("before-{number}")).await;
    }
    wait_until("one delivery is in flight", Duration::from_secs(10), || receiver.count("/gated/") == 1).await;

    cluster.stop(Shutdown::Immediate).expect("PostgreSQL stops");
    let stopped = Instant::now();
    eventually("the server notices", async || (server.probe("/readyz").await.0 == 503).then_some(())).await;
    // The result of the attempt can't be stored.
    receiver.open_gate();
    let mut timer = crate::support::PollTimer::new("a failed query for due partitions is logged", OUTAGE * 2);
    while stopped.elapsed() < OUTAGE || !server.log().contains("can't load due webhook deliveries") {
        timer.tick().await;
    }
    assert_eq!(receiver.count("/gated/"), 1, "nothing may be sent for an account whose status can't be read");
    cluster.restart().expect("PostgreSQL starts");

    wait_until("all events arrive", RESUMED_WITHIN, || {
        receiver.distinct_events("/gated/one") == EVENTS && receiver.distinct_events("/open") == EVENTS
    })
    .await;
    for number in 0..5 {
        let key = format!("after-{number}");
        eventually("the server stores a finding", async || {
            let answer = client.post_with_key(crate::actions::FINDINGS, &key, &crate::support::finding(&key)).await;
            (answer.status == 201).then_some(())
        })
        .await;
    }
    wait_until("the events after the outage arrive", RESUMED_WITHIN, || {
        receiver.distinct_events("/open") == EVENTS + 5
    })
    .await;
    for id in [gated, open] {
        eventually("all deliveries are recorded as delivered", async || {
            let deliveries = list_deliveries(&client, &id).await;
            let delivered = deliveries.iter().filter(|delivery| delivery["status"] == "delivered").count();
            (delivered == EVENTS + 5).then_some(())
        })
        .await;
    }
    println!("{} deliveries for {} events at two receivers", receiver.count("/"), EVENTS + 5);
}
