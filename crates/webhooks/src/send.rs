//! One attempt to send an event to the endpoint of a subscription.

use std::time::Duration;

use bytes::Bytes;
use kernel::{Id, OutboxEvent, Stored, Timestamp};

use crate::{
    attempt::{Attempt, AttemptFailure, AttemptOutcome},
    message::Message,
    ports::{Sender, WebhookSigner},
    secret::EncryptedSecret,
    subscription::WebhookSubscription,
};

/// Signs an event with all secrets of the subscription that are live at `at`, and sends it to its endpoint once.
/// Without a signature the message is not sent, because the endpoint would reject it; the attempt then fails with
/// [`AttemptFailure::Unsigned`].
pub async fn sign_and_send(
    signer: &dyn WebhookSigner,
    sender: &dyn Sender,
    subscription: &Stored<WebhookSubscription>,
    event: Id<OutboxEvent>,
    body: &Bytes,
    at: Timestamp,
) -> Attempt {
    let secrets: Vec<&EncryptedSecret> = subscription.record.live_secrets(at).collect();
    let content = Message::signed_content(event, at, body);
    let outcome = match signer.sign(subscription.meta.id, &secrets, &content) {
        Some(signature) => {
            let message = Message { id: event, timestamp: at.seconds(), signature, body: body.clone() };
            sender.send(&subscription.record.url, message).await
        }
        None => AttemptOutcome {
            duration: Duration::ZERO,
            status: None,
            response_body: None,
            failure: Some(AttemptFailure::Unsigned),
            retry_after: None,
        },
    };
    Attempt { at, outcome }
}
