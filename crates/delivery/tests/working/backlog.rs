//! Many events at once, to many subscriptions.

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
