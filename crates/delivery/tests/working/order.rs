//! The order in which what happened to one record is told.

use std::{collections::HashMap, sync::Arc};

use tokio::sync::Semaphore;
use webhooks::DeliveryState;

use crate::{
    script::{Call, Does},
    workshop::{HOOK, Workshop},
};

/// Of each record, the revisions in the order they were first sent.
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
async fn first_attempts_about_a_record_go_out_in_the_order_of_its_revisions() {
    let mut workshop = Workshop::open().await;
    workshop.subscribe(HOOK).await;
    for revision in 1..=30 {
        for subject in 1..=10 {
            workshop.happens("finding.updated", subject, revision).await;
        }
        if revision % 7 == 0 {
            workshop.clock().tick();
        }
    }
    // Some fail and come again later, which holds nothing up.
    workshop.script.next(HOOK, (0..60).map(|turn| Does::Answer(if turn % 5 == 4 { 500 } else { 200 })));
    workshop.work().await;
    let sent = first_sent(&workshop.script.calls());
    assert_eq!(sent.len(), 10);
    for (subject, revisions) in sent {
        let expected: Vec<_> = (1..=30).map(|revision| format!("\"revision\":{revision}}}")).collect();
        assert_eq!(revisions, expected, "{subject}");
    }
}

#[tokio::test]
async fn an_attempt_that_takes_its_time_holds_up_its_own_record_and_no_other() {
    let mut workshop = Workshop::open().await;
    workshop.subscribe(HOOK).await;
    // The way is wide by now.
    for subject in 100..140 {
        workshop.happens("finding.created", subject, 1).await;
    }
    workshop.work().await;
    let warm = workshop.script.calls().len();

    let gate = Arc::new(Semaphore::new(0));
    for subject in 1..=3 {
        for revision in 1..=2 {
            workshop.happens("finding.updated", subject, revision).await;
        }
    }
    workshop.script.next(HOOK, [Does::Answer(200), Does::Wait(Arc::clone(&gate))]);
    workshop.distribute().await;
    workshop.dispatcher.round().await.unwrap();
    // One of the first revisions hangs; all else but the second revision of the same record gets through.
    workshop.script.made(warm + 5).await;
    let hanging = workshop.script.calls()[warm + 1].message.body.clone();
    let (subject, _) = std::str::from_utf8(&hanging).unwrap().split_once(',').unwrap();
    let about = |call: &Call| call.message.body.starts_with(subject.as_bytes());
    let sent = workshop.script.calls()[warm..].iter().filter(|call| about(call)).count();
    assert_eq!(sent, 1, "the second revision waits for the first");
    gate.add_permits(1);
    workshop.dispatcher.idle().await;
    assert_eq!(workshop.script.calls().len(), warm + 6);
    assert!(workshop.deliveries().await.iter().all(|delivery| delivery.record.state == DeliveryState::Delivered));
}
