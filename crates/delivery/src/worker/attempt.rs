//! One attempt, from its authorization to the response of the endpoint.

use std::{sync::Arc, time::Duration};

use kernel::StoreError;
use webhooks::{Attempt, AttemptFailure, AttemptOutcome, DueDelivery, Message, Partition};

use super::{
    WorkerContext,
    authorization::{DeliveryAuthorization, PartitionAction, SubscriptionWithAccount, authorize},
};

/// The result of the task that attempts a delivery.
pub(super) enum AttemptTaskResult {
    /// An attempt was made.
    Attempted(Attempt),
    /// No attempt: the account may no longer receive the event.
    Unauthorized,
    /// No attempt: the event type is supported only by newer servers.
    UnsupportedEvent,
    /// No attempt: the subscription is disabled or removed, or the account is no longer active.
    NotSending,
    /// No attempt: the authorization could not be checked.
    AuthorizationFailed(StoreError),
    /// No attempt: the server is shutting down.
    Stopped,
}

/// Attempts a delivery once it has a permit, if it is still authorized then.
pub(super) async fn attempt(
    context: Arc<WorkerContext>,
    partition: Partition,
    due: DueDelivery,
    unhealthy: bool,
) -> (DueDelivery, AttemptTaskResult) {
    let permit = tokio::select! {
        biased;
        () = context.stopped() => return (due, AttemptTaskResult::Stopped),
        permit = context.limits.attempt_permit(unhealthy) => permit,
    };
    let result = match authorize(&context, partition).await {
        Err(error) => AttemptTaskResult::AuthorizationFailed(error),
        Ok(PartitionAction::Send(subscription_with_account)) => {
            match subscription_with_account.authorization(&due.delivery.record) {
                DeliveryAuthorization::Granted => {
                    AttemptTaskResult::Attempted(send(&context, partition, &subscription_with_account, &due).await)
                }
                DeliveryAuthorization::Denied => AttemptTaskResult::Unauthorized,
                DeliveryAuthorization::UnsupportedEvent => AttemptTaskResult::UnsupportedEvent,
            }
        }
        Ok(PartitionAction::Suspend | PartitionAction::Cancel) => AttemptTaskResult::NotSending,
    };
    drop(permit);
    (due, result)
}

async fn send(
    context: &WorkerContext,
    partition: Partition,
    subscription_with_account: &SubscriptionWithAccount,
    due: &DueDelivery,
) -> Attempt {
    let services = &context.services;
    let (at, event) = (services.clock.now(), due.delivery.record.event);
    let subscription = &subscription_with_account.subscription.record;
    let secrets: Vec<_> = subscription.live_secrets(at).collect();
    let content = Message::signed_content(event, at, &due.body);
    services.observer.attempt_started();
    let outcome = match services.signer.sign(partition.subscription, &secrets, &content) {
        Some(signature) => {
            let message = Message { id: event, timestamp: at.seconds(), signature, body: due.body.clone() };
            services.sender.send(&subscription.url, message).await
        }
        None => unsigned(),
    };
    services.observer.attempt_ended(&outcome);
    Attempt { at, outcome }
}

/// The outcome when the signing secret can't be decrypted: a message without a signature is not sent, because endpoints
/// would reject it.
fn unsigned() -> AttemptOutcome {
    AttemptOutcome {
        duration: Duration::ZERO,
        status: None,
        response_body: None,
        failure: Some(AttemptFailure::Unsigned),
        retry_after: None,
    }
}
