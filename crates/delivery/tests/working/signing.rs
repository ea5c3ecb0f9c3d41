//! Signatures of messages.

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
    let mut harness = Workshop::open().await;
    let subscription = harness.subscribe(HOOK).await;
    let entropy = &*harness.fixture.entropy;
    let new = WebhookSecret::generate(entropy);
    let encrypted = harness.secrets.seal(entropy, subscription.meta.id, &new);
    let grace = Duration::from_secs(60);
    harness
        .with_desk(|context, timestamp| {
            webhooks::rotate(context, timestamp, &subscription, encrypted, grace).unwrap().0
        })
        .await;
    let rotated = harness.subscription(subscription.meta.id).await.record.secrets;
    harness.happens("finding.created", 1, 1).await;
    harness.work().await;
    harness.clock().advance(grace + Duration::from_secs(1));
    harness.happens("finding.created", 2, 1).await;
    harness.work().await;

    let [within, after] = <[Call; 2]>::try_from(harness.script.calls()).unwrap();
    let signed = |call: &Call, secrets: &[&SealedSecret]| {
        harness.secrets.sign(subscription.meta.id, secrets, &content(call)).unwrap()
    };
    assert_eq!(within.message.signature, signed(&within, &[&rotated[0], &rotated[1]]));
    assert_eq!(after.message.signature, signed(&after, &[&rotated[0]]));
    assert!(after.message.signature.starts_with("v1,") && !after.message.signature.contains(' '));
}

#[tokio::test]
async fn without_a_secret_that_opens_nothing_is_sent() {
    let mut harness = Workshop::open().await;
    let subscription = harness.subscribe(HOOK).await;
    let undecryptable = vec![7; 61];
    harness
        .with_desk(|context, timestamp| {
            webhooks::rotate(context, timestamp, &subscription, undecryptable, Duration::ZERO).unwrap().0
        })
        .await;
    harness.happens("finding.created", 1, 1).await;
    harness.work().await;
    assert_eq!(harness.script.calls().len(), 0);
    let attempt = harness.delivery().await.record.attempts.remove(0);
    assert_eq!(attempt.outcome.failure, Some(Failure::Unsigned));
}
