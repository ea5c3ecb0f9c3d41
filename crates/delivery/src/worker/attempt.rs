//! One attempt, from its authorization to the response of the endpoint.

use std::sync::Arc;

use kernel::{StoreError, Stored};
use webhooks::{Attempt, DueDelivery, Partition, WebhookSubscription, sign_and_send};

use super::{
    WorkerContext,
    authorization::{DeliveryAuthorization, PartitionAction, authorize},
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
        Ok(PartitionAction::Send(current)) => match current.authorization(&due.delivery.record) {
            DeliveryAuthorization::Granted => {
                AttemptTaskResult::Attempted(send(&context, &current.subscription, &due).await)
            }
            DeliveryAuthorization::Denied => AttemptTaskResult::Unauthorized,
            DeliveryAuthorization::UnsupportedEvent => AttemptTaskResult::UnsupportedEvent,
        },
        Ok(PartitionAction::Suspend | PartitionAction::Cancel) => AttemptTaskResult::NotSending,
    };
    drop(permit);
    (due, result)
}

async fn send(context: &WorkerContext, subscription: &Stored<WebhookSubscription>, due: &DueDelivery) -> Attempt {
    let services = &context.services;
    services.observer.attempt_started();
    let (at, event) = (services.clock.now(), due.delivery.record.event);
    let attempt = sign_and_send(&*services.signer, &*services.sender, subscription, event, &due.body, at).await;
    services.observer.attempt_ended(&attempt.outcome);
    attempt
}
