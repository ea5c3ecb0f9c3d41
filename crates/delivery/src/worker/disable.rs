//! Disables a subscription whose endpoint is gone or has been failing for too long.

use kernel::{
    Actor, ActorKind, Attribution, CommitError, Id, Organization, OrganizationRef, Origin, Reader, StoreError,
    WriteContext,
};
use webhooks::{Attempt, DeliveryHealth, DisabledReason, MAX_FAILING_DURATION, Partition, WebhookSubscription};

use super::WorkerContext;

/// Maximum number of tries when the subscription is changed concurrently.
const MAX_TRIES: usize = 5;

/// Returns the reason to disable the subscription after this attempt, if any. The time of failing is counted from
/// `subscription_updated_at` at the earliest: a subscription that was enabled again has the full time once more.
pub(super) fn reason(
    attempt: &Attempt,
    health: DeliveryHealth,
    subscription_updated_at: kernel::Timestamp,
) -> Option<DisabledReason> {
    if attempt.outcome.is_gone() {
        return Some(DisabledReason::Gone);
    }
    let since = health.failing_since?.max(subscription_updated_at);
    (!attempt.outcome.is_success() && attempt.at.since(since) >= MAX_FAILING_DURATION)
        .then_some(DisabledReason::Failing)
}

/// Disables the partition's subscription if it is active, with an audit entry and a log line.
///
/// # Errors
/// When the store fails; the next failed attempt tries again.
pub(super) async fn disable(
    context: &WorkerContext,
    partition: Partition,
    reason: DisabledReason,
) -> Result<(), StoreError> {
    let services = &context.services;
    for _ in 0..MAX_TRIES {
        let current =
            Reader::<WebhookSubscription>::get(&*services.store, partition.organization, partition.subscription)
                .await?;
        let Some(current) = current.filter(|current| current.record.is_active()) else { return Ok(()) };
        let organization =
            Reader::<Organization>::get(&*services.store, partition.organization, partition.organization).await?;
        let Some(organization) = organization else { return Ok(()) };
        let timestamp = services.store.begin_write();
        let write_context = WriteContext {
            organization: &OrganizationRef::from(&organization),
            attribution: &attribution(context),
            reason: None,
            entropy: &*services.entropy,
        };
        let (changeset, _) = webhooks::disable(&write_context, timestamp, &current, reason);
        match services.store.commit(changeset).await {
            Ok(()) => {
                let (organization, subscription) = (partition.organization, partition.subscription);
                tracing::warn!(%organization, %subscription, reason = reason.name(), "disabled a webhook subscription");
                services.observer.subscription_disabled(reason);
                return Ok(());
            }
            Err(CommitError::Store(error)) => return Err(error),
            // The subscription was changed concurrently: read it again.
            Err(_) => {}
        }
    }
    Ok(())
}

/// The attribution of a change by the server itself.
fn attribution(context: &WorkerContext) -> Attribution {
    let services = &context.services;
    Attribution {
        actor: Actor { kind: ActorKind::System, id: None, name: "novantra".into() },
        origin: Origin {
            request_id: Id::new(services.entropy.ulid(services.clock.now())),
            method: None,
            route: Some("webhook delivery".into()),
            source_address: None,
            user_agent: None,
        },
        actor_revision: None,
    }
}
