//! One attempt, from its authorization to the response of the endpoint.

use std::{sync::Arc, time::Duration};

use kernel::StoreError;
use webhooks::{Attempt, Due, Failure, Lane, Message, Outcome};

use super::{
    Office,
    standing::{Admission, Parties, Verdict, judge},
};

/// The result of the task that attempts a delivery.
pub(super) enum Tried {
    /// An attempt was made.
    Attempted(Attempt),
    /// No attempt: the account may no longer receive the event.
    Refused,
    /// No attempt: the event type is supported only by newer servers.
    Unknown,
    /// No attempt: the subscription is disabled or removed, or the account is no longer active.
    Unwanted,
    /// No attempt: the authorization could not be checked.
    Unjudged(StoreError),
    /// No attempt: the server is shutting down.
    Stopped,
}

/// Attempts a delivery once it has a permit, if it is still authorized then.
pub(super) async fn attempt(context: Arc<Office>, partition: Lane, due: Due, unhealthy: bool) -> (Due, Tried) {
    let permit = tokio::select! {
        biased;
        () = context.stopped() => return (due, Tried::Stopped),
        permit = context.room.place(unhealthy) => permit,
    };
    let result = match judge(&context, partition).await {
        Err(error) => Tried::Unjudged(error),
        Ok(Verdict::Send(subscription_with_account)) => match subscription_with_account.admission(&due.delivery.record)
        {
            Admission::Granted => Tried::Attempted(send(&context, partition, &subscription_with_account, &due).await),
            Admission::Refused => Tried::Refused,
            Admission::Unknown => Tried::Unknown,
        },
        Ok(Verdict::Park | Verdict::Cancel) => Tried::Unwanted,
    };
    drop(permit);
    (due, result)
}

async fn send(context: &Office, partition: Lane, subscription_with_account: &Parties, due: &Due) -> Attempt {
    let services = &context.means;
    let (at, event) = (services.clock.now(), due.delivery.record.event);
    let subscription = &subscription_with_account.subscription.record;
    let secrets: Vec<_> = subscription.live_secrets(at).collect();
    let content = Message::signed_content(event, at, &due.body);
    services.observer.began();
    let outcome = match services.secrets.sign(partition.subscription, &secrets, &content) {
        Some(signature) => {
            let message = Message { id: event, timestamp: at.seconds(), signature, body: due.body.clone() };
            services.sender.send(&subscription.url, message).await
        }
        None => unsigned(),
    };
    services.observer.ended(&outcome);
    Attempt { at, outcome }
}

/// The outcome when the signing secret can't be decrypted: a message without a signature is not sent, because endpoints
/// would reject it.
fn unsigned() -> Outcome {
    Outcome { took: Duration::ZERO, status: None, answer: None, failure: Some(Failure::Unsigned), retry_after: None }
}
