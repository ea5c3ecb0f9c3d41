//! Many events at once, to many subscriptions.

use webhooks::{Lane, LaneSigns};

use crate::workshop::Workshop;

#[tokio::test]
async fn a_backlog_becomes_deliveries_about_a_thousand_at_a_time() {
    let workshop = Workshop::open().await;
    for place in 0..40 {
        workshop.subscribe(&format!("https://hook{place}.example/")).await;
    }
    for subject in 0..60 {
        workshop.happens("finding.created", subject, 1).await;
    }
    let mut distributor = workshop.another_distributor();
    let mut made = Vec::new();
    loop {
        let round = distributor.round().await.unwrap();
        made.push(round.deliveries);
        if !round.more {
            break;
        }
    }
    assert_eq!(made.iter().sum::<usize>(), 40 * 60);
    assert_eq!(made, [40, 1_000, 1_000, 360]);
}

#[tokio::test]
async fn those_whose_endpoints_are_failing_have_a_round_of_their_own_after_the_others() {
    let workshop = Workshop::open().await;
    workshop.subscribe("https://sound.example/").await;
    let failing = workshop.subscribe("https://failing.example/").await;
    let lane = Lane { organization: failing.meta.organization, subscription: failing.meta.id };
    let signs = LaneSigns { last_delivery_at: None, failing_since: Some(workshop.now()) };
    workshop.fixture.store.settle(lane, &[], Some(signs)).await.unwrap();
    workshop.happens("finding.created", 1, 1).await;
    let mut distributor = workshop.another_distributor();
    let mut rounds = Vec::new();
    for _ in 0..3 {
        let round = distributor.round().await.unwrap();
        rounds.push((round.deliveries, round.left));
    }
    assert_eq!(rounds, [(1, true), (2, false), (0, false)]);
    assert_eq!(workshop.deliveries().await.len(), 2);
}
