//! Servers that are killed during deliveries.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use crate::{
    actions::{SCOPES, allow_loopback, create_finding, subscribe, update_finding, wait_until},
    receiver::{Delivery, WebhookReceiver},
    support::{Installation, ServerCluster},
};

const WRITERS: usize = 10;
const FINDINGS: usize = 10;
const CHANGES: usize = 19;
const EVENTS: usize = WRITERS * FINDINGS * (1 + CHANGES);

/// The numbers of deliveries after which the next server is killed.
const MILESTONES: [usize; 4] = [100, 1_200, 2_500, 4_000];

/// The partition leases of a killed server last up to 4 s, and the next server may be killed as well.
const ARRIVED_WITHIN: Duration = Duration::from_secs(150);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_arrives_in_order_while_servers_are_killed() {
    let receiver = WebhookReceiver::start().await;
    let servers =
        ServerCluster::start_with(Installation::with_new_postgres().await, 2, |_, setup| allow_loopback(setup));
    let credentials = servers.installation().create_account("integration", &SCOPES);
    let client = servers.client(&credentials).await;
    let paths = ["/one", "/two", "/three"];
    for path in paths {
        subscribe(&client, &receiver.url(path), &["finding.created", "finding.updated"]).await;
    }

    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let client = client.clone();
            tokio::spawn(async move {
                let mut ids = Vec::new();
                for number in 0..FINDINGS {
                    let id = create_finding(&client, &format!("finding-{writer}-{number}")).await;
                    for turn in 1..=CHANGES {
                        update_finding(&client, &id, turn).await;
                    }
                    ids.push(id);
                }
                ids
            })
        })
        .collect();
    for (index, milestone) in MILESTONES.into_iter().enumerate() {
        wait_until("more deliveries arrive", ARRIVED_WITHIN, || receiver.count("/") >= milestone).await;
        servers.kill(index % servers.len());
        servers.restart(index % servers.len());
    }
    let mut findings = BTreeSet::new();
    for writer in writers {
        findings.extend(writer.await.expect("every write is answered"));
    }
    for path in paths {
        wait_until("the last event arrives", ARRIVED_WITHIN, || receiver.distinct_events(path) >= EVENTS).await;
        let sent = receiver.deliveries_to(path);
        assert_complete_and_in_order(&sent, &findings);
        println!("{path}: {EVENTS} events by {} deliveries", sent.len());
    }
    println!("{} servers were killed", MILESTONES.len());
    servers.stop();
}

/// Asserts that every event arrived, that each is about a finding that was written, and that first deliveries are in
/// order.
fn assert_complete_and_in_order(sent: &[Delivery], findings: &BTreeSet<String>) {
    let mut seen = BTreeSet::new();
    let mut turns: HashMap<String, usize> = HashMap::new();
    for delivery in sent.iter().filter(|delivery| seen.insert(delivery.id.clone())) {
        let finding = &delivery.body["data"]["finding"];
        let id = finding["id"].as_str().expect("an id").to_owned();
        assert!(findings.contains(&id), "{id} was never written");
        let turn = match delivery.body["type"].as_str() {
            Some("finding.created") => 0,
            Some("finding.updated") => {
                let title = finding["title"].as_str().expect("a title");
                title.strip_prefix("Change ").and_then(|turn| turn.parse().ok()).expect("a turn")
            }
            other => panic!("nobody subscribed to {other:?}"),
        };
        let expected = turns.entry(id.clone()).or_default();
        assert_eq!(turn, *expected, "of {id}");
        *expected += 1;
    }
    assert_eq!(seen.len(), EVENTS);
    assert!(turns.values().all(|turns| *turns == 1 + CHANGES));
}
