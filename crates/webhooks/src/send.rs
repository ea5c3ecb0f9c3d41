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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use futures_util::FutureExt as _;
    use kernel::{Description, Entropy, OrganizationId};
    use mockall::mock;
    use ulid::Ulid;

    use super::*;
    use crate::{endpoint::EndpointUrl, ports::MockSender, secret::WebhookSecret, subscription::SubscriptionStatus};

    mock! {
        Signer {}

        impl WebhookSigner for Signer {
            fn encrypt(
                &self,
                entropy: &dyn Entropy,
                subscription: Id<WebhookSubscription>,
                secret: &WebhookSecret,
            ) -> Vec<u8>;
            fn sign<'a>(
                &self,
                subscription: Id<WebhookSubscription>,
                secrets: &[&'a EncryptedSecret],
                content: &[u8],
            ) -> Option<String>;
            fn sign_with(&self, secret: &WebhookSecret, content: &[u8]) -> String;
        }
    }

    const NOW: Timestamp = Timestamp::from_millis(1_779_718_113_000);
    const BODY: Bytes = Bytes::from_static(b"{}");

    fn subscription() -> Stored<WebhookSubscription> {
        let record = WebhookSubscription::from_parts(
            Id::new(Ulid(1)),
            0,
            EndpointUrl::from_stored("https://hook.example/").unwrap(),
            Description::default(),
            BTreeSet::new(),
            SubscriptionStatus::Active,
            None,
            vec![
                EncryptedSecret { ciphertext: vec![1], expires_at: None },
                EncryptedSecret { ciphertext: vec![2], expires_at: Some(NOW) },
            ],
        );
        Stored::new(OrganizationId::INSTALLATION, Id::new(Ulid(2)), NOW, record)
    }

    fn attempt(signer: &MockSigner, sender: &MockSender) -> Attempt {
        let event = Id::new(Ulid(3));
        sign_and_send(signer, sender, &subscription(), event, &BODY, NOW).now_or_never().unwrap()
    }

    #[test]
    fn a_message_is_signed_with_the_live_secrets_and_sent_once() {
        let (mut signer, mut sender) = (MockSigner::new(), MockSender::new());
        let content = Message::signed_content(Id::new(Ulid(3)), NOW, &BODY);
        signer
            .expect_sign()
            .withf(move |_, secrets, signed| secrets.len() == 1 && secrets[0].ciphertext == [1] && *signed == content)
            .return_const(Some("v1,signature".to_owned()));
        let accepted = AttemptOutcome {
            duration: Duration::from_millis(9),
            status: Some(204),
            response_body: None,
            failure: None,
            retry_after: None,
        };
        let message = Message {
            id: Id::new(Ulid(3)),
            timestamp: NOW.seconds(),
            signature: "v1,signature".to_owned(),
            body: BODY,
        };
        sender
            .expect_send()
            .withf(move |url, sent| url.as_str() == "https://hook.example/" && *sent == message)
            .times(1)
            .return_const(accepted.clone());
        assert_eq!(attempt(&signer, &sender), Attempt { at: NOW, outcome: accepted });
    }

    #[test]
    fn a_message_without_a_signature_is_not_sent() {
        let (mut signer, mut sender) = (MockSigner::new(), MockSender::new());
        signer.expect_sign().return_const(None);
        sender.expect_send().never();
        assert_eq!(attempt(&signer, &sender).outcome.failure, Some(AttemptFailure::Unsigned));
    }
}
