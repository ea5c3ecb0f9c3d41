//! How much is in flight at once.

use std::sync::Arc;

use tokio::sync::Semaphore;
use webhooks::DeliveryState;

use crate::{
    script::Does,
    workshop::{HOOK, Workshop},
};

#[tokio::test]
async fn an_endpoint_gets_one_at_first_then_twice_as_many_up_to_sixteen_and_one_after_a_failure() {
    let mut workshop = Workshop::open().await;
    workshop.subscribe(HOOK).await;
    let gate = Arc::new(Semaphore::new(0));
    workshop.script.always(HOOK, Does::Wait(Arc::clone(&gate)));
    for subject in 0..100 {
        workshop.happens("finding.created", subject, 1).await;
    }
    workshop.distribute().await;
    workshop.dispatcher.round().await.unwrap();
    for width in [1, 2, 4, 8, 16, 16] {
        workshop.script.in_flight(width).await;
        gate.add_permits(width);
        let made = workshop.script.calls().len();
        workshop.script.made(made + (2 * width).min(16)).await;
    }
    workshop.script.always(HOOK, Does::Answer(500));
    gate.add_permits(16);
    workshop.dispatcher.idle().await;
    let states: Vec<_> = workshop.deliveries().await.iter().map(|delivery| delivery.record.state).collect();
    assert!(states.iter().all(|state| *state != DeliveryState::Pending));

    workshop.script.always(HOOK, Does::Wait(Arc::clone(&gate)));
    workshop.clock().advance(std::time::Duration::from_secs(6));
    workshop.dispatcher.round().await.unwrap();
    workshop.script.in_flight(1).await;
}

#[tokio::test]
async fn endpoints_that_hang_leave_room_for_those_that_answer() {
    let mut workshop = Workshop::with_room(8).await;
    workshop.subscribe(HOOK).await;
    workshop.happens("finding.created", 1, 1).await;
    workshop.work().await;
    for place in 0..20 {
        let url = format!("https://dead{place}.example/");
        workshop.subscribe(&url).await;
        workshop.script.always(&url, Does::Hang);
    }
    workshop.clock().tick();
    for subject in 2..=10 {
        workshop.happens("finding.created", subject, 1).await;
    }
    workshop.distribute().await;
    workshop.dispatcher.round().await.unwrap();
    workshop.script.made(10 + 6).await;
    assert_eq!(workshop.script.calls_to(HOOK).len(), 10, "all that was to be told");
    workshop.script.in_flight(6).await;
}
