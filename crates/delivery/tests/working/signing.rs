//! What is signed, and with what.

use std::time::Duration;

use kernel::Timestamp;
use webhooks::{Failure, Message, SealedSecret, Secrets, WebhookSecret};

use crate::{
    script::Call,
    workshop::{HOOK, Workshop},
};

fn content(call: &Call) -> Vec<u8> {
    let at = Timestamp::from_millis(call.message.timestamp * 1000);
    Message::signed_content(call.message.id, at, &call.message.body)
}

#[tokio::test]
async fn a_message_is_signed_with_every_secret_that_lives_and_no_other() {
    let mut workshop = Workshop::open().await;
    let subscription = workshop.subscribe(HOOK).await;
    let entropy = &*workshop.fixture.entropy;
    let new = WebhookSecret::generate(entropy);
    let sealed = workshop.secrets.seal(entropy, subscription.meta.id, &new);
    let grace = Duration::from_secs(60);
    workshop.with_desk(|desk, stamp| webhooks::rotate(desk, stamp, &subscription, sealed, grace).unwrap().0).await;
    let rotated = workshop.subscription(subscription.meta.id).await.record.secrets;
    workshop.happens("finding.created", 1, 1).await;
    workshop.work().await;
    workshop.clock().advance(grace + Duration::from_secs(1));
    workshop.happens("finding.created", 2, 1).await;
    workshop.work().await;

    let [within, after] = <[Call; 2]>::try_from(workshop.script.calls()).unwrap();
    let signed = |call: &Call, secrets: &[&SealedSecret]| {
        workshop.secrets.sign(subscription.meta.id, secrets, &content(call)).unwrap()
    };
    assert_eq!(within.message.signature, signed(&within, &[&rotated[0], &rotated[1]]));
    assert_eq!(after.message.signature, signed(&after, &[&rotated[0]]));
    assert!(after.message.signature.starts_with("v1,") && !after.message.signature.contains(' '));
}

#[tokio::test]
async fn without_a_secret_that_opens_nothing_is_sent() {
    let mut workshop = Workshop::open().await;
    let subscription = workshop.subscribe(HOOK).await;
    let foreign = vec![7; 61];
    workshop
        .with_desk(|desk, stamp| webhooks::rotate(desk, stamp, &subscription, foreign, Duration::ZERO).unwrap().0)
        .await;
    workshop.happens("finding.created", 1, 1).await;
    workshop.work().await;
    assert_eq!(workshop.script.calls().len(), 0);
    let attempt = workshop.delivery().await.record.attempts.remove(0);
    assert_eq!(attempt.outcome.failure, Some(Failure::Unsigned));
}
