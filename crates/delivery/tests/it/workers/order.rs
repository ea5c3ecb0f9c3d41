//! The order of deliveries about one record.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::sync::Semaphore;
use webhooks::DeliveryState;

use super::{
    fake_endpoints::{Behaviour, Call},
    harness::{DeliveryHarness, HOOK},
};

/// Returns the revisions of each record in the order in which they were first sent.
fn first_sent(calls: &[Call]) -> HashMap<String, Vec<String>> {
    let mut sent: HashMap<String, Vec<String>> = HashMap::new();
    for call in calls {
        let body = String::from_utf8(call.message.body.to_vec()).unwrap();
        let (subject, revision) = body.split_once(',').unwrap();
        let revisions = sent.entry(subject.to_owned()).or_default();
        if !revisions.contains(&revision.to_owned()) {
            revisions.push(revision.to_owned());
        }
    }
    sent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_attempts_about_a_record_are_sent_in_the_order_of_its_revisions() {
    let mut harness = DeliveryHarness::new().await;
    harness.subscribe(HOOK).await;
    for revision in 1..=30 {
        for subject in 1..=10 {
            harness.publish_event("finding.updated", subject, revision).await;
        }
        // The changes of a record have different times.
        harness.clock().advance(Duration::from_millis(2));
    }
    // Some attempts fail and are retried later, which must not block others.
    harness
        .endpoints
        .set_next_behaviours(HOOK, (0..60).map(|number| Behaviour::Respond(if number % 5 == 4 { 500 } else { 200 })));
    harness.run_until_idle().await;
    let sent = first_sent(&harness.endpoints.calls());
    assert_eq!(sent.len(), 10);
    for (subject, revisions) in sent {
        let expected: Vec<_> = (1..=30).map(|revision| format!("\"revision\":{revision}}}")).collect();
        assert_eq!(revisions, expected, "{subject}");
    }
}

#[tokio::test]
async fn a_slow_attempt_blocks_only_deliveries_about_the_same_record() {
    let mut harness = DeliveryHarness::new().await;
    harness.subscribe(HOOK).await;
    // Slow start ends, so that many attempts may be in flight.
    for subject in 100..140 {
        harness.publish_event("finding.created", subject, 1).await;
    }
    harness.run_until_idle().await;
    let warm_up_calls = harness.endpoints.calls().len();

    let gate = Arc::new(Semaphore::new(0));
    for revision in 1..=2 {
        for subject in 1..=3 {
            harness.publish_event("finding.updated", subject, revision).await;
        }
        harness.clock().advance(Duration::from_millis(2));
    }
    harness.endpoints.set_next_behaviours(HOOK, [Behaviour::Respond(200), Behaviour::WaitForGate(Arc::clone(&gate))]);
    harness.fan_out().await;
    harness.dispatcher.run_once().await.unwrap();
    // One of the first revisions hangs; everything except the second revision of the same record gets through.
    harness.endpoints.wait_for_calls(warm_up_calls + 5).await;
    let hanging = harness.endpoints.calls()[warm_up_calls + 1].message.body.clone();
    let (subject, _) = std::str::from_utf8(&hanging).unwrap().split_once(',').unwrap();
    let about = |call: &Call| call.message.body.starts_with(subject.as_bytes());
    let sent = harness.endpoints.calls()[warm_up_calls..].iter().filter(|call| about(call)).count();
    assert_eq!(sent, 1, "the second revision waits for the first");
    gate.add_permits(1);
    harness.dispatcher.wait_until_idle().await;
    assert_eq!(harness.endpoints.calls().len(), warm_up_calls + 6);
    assert!(harness.deliveries().await.iter().all(|delivery| delivery.record.state == DeliveryState::Delivered));
}
