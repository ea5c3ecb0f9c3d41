//! Fan-out of many events to many subscriptions.

use webhooks::{Lane, LaneSigns};

use crate::workshop::Workshop;

#[tokio::test]
async fn a_backlog_becomes_deliveries_about_a_thousand_at_a_time() {
    let harness = Workshop::open().await;
    for index in 0..40 {
        harness.subscribe(&format!("https://hook{index}.example/")).await;
    }
    for subject in 0..60 {
        harness.happens("finding.created", subject, 1).await;
    }
    let mut distributor = harness.another_distributor();
    let mut made = Vec::new();
    loop {
        let summary = distributor.round().await.unwrap();
        made.push(summary.deliveries);
        if !summary.more {
            break;
        }
    }
    assert_eq!(made.iter().sum::<usize>(), 40 * 60);
    assert_eq!(made, [40, 1_000, 1_000, 360]);
}

#[tokio::test]
async fn those_whose_endpoints_are_failing_have_a_round_of_their_own_after_the_others() {
    let harness = Workshop::open().await;
    harness.subscribe("https://healthy.example/").await;
    let failing = harness.subscribe("https://failing.example/").await;
    let partition = Lane { organization: failing.meta.organization, subscription: failing.meta.id };
    let health = LaneSigns { last_delivery_at: None, failing_since: Some(harness.now()) };
    harness.fixture.store.settle(partition, &[], Some(health)).await.unwrap();
    harness.happens("finding.created", 1, 1).await;
    let mut distributor = harness.another_distributor();
    let mut summaries = Vec::new();
    for _ in 0..3 {
        let summary = distributor.round().await.unwrap();
        summaries.push((summary.deliveries, summary.left));
    }
    assert_eq!(summaries, [(1, true), (2, false), (0, false)]);
    assert_eq!(harness.deliveries().await.len(), 2);
}
