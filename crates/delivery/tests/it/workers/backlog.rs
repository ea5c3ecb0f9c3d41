//! Fan-out of many events to many subscriptions.

use webhooks::{DeliveryHealth, Partition};

use super::harness::DeliveryHarness;

#[tokio::test]
async fn a_backlog_is_fanned_out_in_transactions_of_about_a_thousand_deliveries() {
    let harness = DeliveryHarness::new().await;
    for index in 0..40 {
        harness.subscribe(&format!("https://hook{index}.example/")).await;
    }
    for subject in 0..60 {
        harness.publish_event("finding.created", subject, 1).await;
    }
    let mut distributor = harness.another_distributor();
    let mut made = Vec::new();
    loop {
        let summary = distributor.run_once().await.unwrap();
        made.push(summary.deliveries);
        if !summary.has_more {
            break;
        }
    }
    assert_eq!(made.iter().sum::<usize>(), 40 * 60);
    assert_eq!(made, [40, 1_000, 1_000, 360]);
}

#[tokio::test]
async fn failing_and_new_endpoints_get_their_deliveries_in_a_run_after_the_healthy_ones() {
    let harness = DeliveryHarness::new().await;
    let now = Some(harness.now());
    for (name, last_delivery_at, failing_since) in [("healthy", now, None), ("failing", now, now), ("new", None, None)]
    {
        let subscription = harness.subscribe(&format!("https://{name}.example/")).await;
        let partition = Partition { organization: subscription.meta.organization, subscription: subscription.meta.id };
        let health = DeliveryHealth { last_delivery_at, failing_since };
        harness.fixture.store.record_results(partition, &[], Some(health)).await.unwrap();
    }
    harness.publish_event("finding.created", 1, 1).await;
    let mut distributor = harness.another_distributor();
    let mut summaries = Vec::new();
    for _ in 0..3 {
        let summary = distributor.run_once().await.unwrap();
        summaries.push((summary.deliveries, summary.remaining));
    }
    assert_eq!(summaries, [(1, true), (3, false), (0, false)]);
    assert_eq!(harness.deliveries().await.len(), 3);
}
