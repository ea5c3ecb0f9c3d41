//! Signatures of messages.

use std::time::Duration;

use kernel::Timestamp;
use webhooks::{AttemptFailure, EncryptedSecret, Message, WebhookSecret, WebhookSigner};

use super::{
    fake_endpoints::Call,
    harness::{DeliveryHarness, HOOK},
};

fn content(call: &Call) -> Vec<u8> {
    let at = Timestamp::from_millis(call.message.timestamp * 1000);
    Message::signed_content(call.message.id, at, &call.message.body)
}

#[tokio::test]
async fn a_message_is_signed_with_all_valid_secrets_and_no_others() {
    let mut harness = DeliveryHarness::new().await;
    let subscription = harness.subscribe(HOOK).await;
    let entropy = &*harness.fixture.entropy;
    let new = WebhookSecret::generate(entropy);
    let encrypted = harness.signer.encrypt(entropy, subscription.meta.id, &new);
    let grace = Duration::from_secs(60);
    harness
        .commit_command(|context, timestamp| {
            webhooks::rotate_secret(context, timestamp, &subscription, encrypted, grace).unwrap().0
        })
        .await;
    let rotated = harness.subscription(subscription.meta.id).await.record.secrets;
    harness.publish_event("finding.created", 1, 1).await;
    harness.run_until_idle().await;
    harness.clock().advance(grace + Duration::from_secs(1));
    harness.publish_event("finding.created", 2, 1).await;
    harness.run_until_idle().await;

    let [within, after] = <[Call; 2]>::try_from(harness.endpoints.calls()).unwrap();
    let signed = |call: &Call, secrets: &[&EncryptedSecret]| {
        harness.signer.sign(subscription.meta.id, secrets, &content(call)).unwrap()
    };
    assert_eq!(within.message.signature, signed(&within, &[&rotated[0], &rotated[1]]));
    assert_eq!(after.message.signature, signed(&after, &[&rotated[0]]));
    assert!(after.message.signature.starts_with("v1,") && !after.message.signature.contains(' '));
}

#[tokio::test]
async fn nothing_is_sent_if_the_secret_cannot_be_decrypted() {
    let mut harness = DeliveryHarness::new().await;
    let subscription = harness.subscribe(HOOK).await;
    let undecryptable = vec![7; 61];
    harness
        .commit_command(|context, timestamp| {
            webhooks::rotate_secret(context, timestamp, &subscription, undecryptable, Duration::ZERO).unwrap().0
        })
        .await;
    harness.publish_event("finding.created", 1, 1).await;
    harness.run_until_idle().await;
    assert_eq!(harness.endpoints.calls().len(), 0);
    let attempt = harness.delivery().await.record.attempts.remove(0);
    assert_eq!(attempt.outcome.failure, Some(AttemptFailure::Unsigned));
}
