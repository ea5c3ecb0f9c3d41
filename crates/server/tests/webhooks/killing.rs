//! Servers that are killed during deliveries.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use crate::{
    receiver::{Delivery, Receiver},
    stage::{SCOPES, change, record, subscribe, to_this_machine, until},
    support::{Fleet, Installation},
};

const WRITERS: usize = 10;
const FINDINGS: usize = 10;
const CHANGES: usize = 19;
const EVENTS: usize = WRITERS * FINDINGS * (1 + CHANGES);

/// The numbers of deliveries after which the next server is killed.
const MILESTONES: [usize; 4] = [100, 1_200, 2_500, 4_000];

/// The partition leases of a killed server last up to 20 s, and the next server may be killed as well.
const ARRIVED_WITHIN: Duration = Duration::from_secs(150);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_servers_are_killed_every_event_arrives_in_order_and_none_is_invented() {
    let receiver = Receiver::start().await;
    let servers = Fleet::set_up(Installation::on_postgres().await, 2, |_, setup| to_this_machine(setup));
    let credentials = servers.installation().account("integration", &SCOPES);
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
                    let id = record(&client, &format!("finding-{writer}-{number}")).await;
                    for turn in 1..=CHANGES {
                        change(&client, &id, turn).await;
                    }
                    ids.push(id);
                }
                ids
            })
        })
        .collect();
    for (index, milestone) in MILESTONES.into_iter().enumerate() {
        until("more deliveries arrive", ARRIVED_WITHIN, || receiver.count("/") >= milestone).await;
        servers.kill(index % servers.len());
        servers.start_again(index % servers.len());
    }
    let mut findings = BTreeSet::new();
    for writer in writers {
        findings.extend(writer.await.expect("every write is answered"));
    }
    for path in paths {
        until("the last event arrives", ARRIVED_WITHIN, || receiver.distinct(path) >= EVENTS).await;
        let sent = receiver.sent_to(path);
        judge(&sent, &findings);
        println!("{path}: {EVENTS} events by {} deliveries", sent.len());
    }
    println!("{} servers were killed", MILESTONES.len());
    servers.stop();
}

/// Asserts that every event arrived, that each is about a finding that was written, and that first deliveries are in
/// order.
fn judge(sent: &[Delivery], findings: &BTreeSet<String>) {
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
