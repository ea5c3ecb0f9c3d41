//! Disabling a subscription whose endpoint is gone, or has failed for too long.

use kernel::{Actor, ActorKind, Attribution, CommitError, Id, Origin, Reader, StoreError};
use webhooks::{Attempt, Desk, DisabledReason, FAILING_AT_MOST, Lane, LaneSigns, WebhookSubscription};

use super::Office;

/// How often it is tried again when somebody else changes the subscription at the same time.
const TRIES: usize = 5;

/// Whether this attempt is the one too many; `touched` is when the subscription was last changed: who has just repaired it,
/// and enabled it again, has time until it fails for as long once more.
pub(super) fn reason(attempt: &Attempt, signs: LaneSigns, touched: kernel::Timestamp) -> Option<DisabledReason> {
    if attempt.outcome.is_gone() {
        return Some(DisabledReason::Gone);
    }
    let since = signs.failing_since?.max(touched);
    (!attempt.outcome.is_success() && attempt.at.since(since) >= FAILING_AT_MOST).then_some(DisabledReason::Failing)
}

/// Disables the lane's subscription if it is active, on record and in the log.
///
/// # Errors
/// When the store fails; the next attempt that fails decides anew.
pub(super) async fn disable(office: &Office, lane: Lane, reason: DisabledReason) -> Result<(), StoreError> {
    let means = &office.means;
    for _ in 0..TRIES {
        let present = Reader::<WebhookSubscription>::get(&*means.store, lane.organization, lane.subscription).await?;
        let Some(present) = present.filter(|present| present.record.is_active()) else { return Ok(()) };
        let stamp = means.store.begin();
        let attribution = attribution(office, lane);
        let desk = Desk { entropy: &*means.entropy, attribution: &attribution, reason: None };
        let (changeset, _) = webhooks::disable(&desk, stamp, &present, reason);
        match means.store.commit(changeset).await {
            Ok(()) => {
                let (organization, subscription) = (lane.organization, lane.subscription);
                tracing::warn!(%organization, %subscription, reason = reason.name(), "disabled a webhook subscription");
                means.observer.disabled(reason);
                return Ok(());
            }
            Err(CommitError::Store(error)) => return Err(error),
            // Somebody else was faster: what they left is looked at.
            Err(_) => {}
        }
    }
    Ok(())
}

/// The server itself.
fn attribution(office: &Office, lane: Lane) -> Attribution {
    let means = &office.means;
    Attribution {
        organization: lane.organization,
        actor: Actor { kind: ActorKind::System, id: None, name: "novantra".into() },
        origin: Origin {
            request_id: Id::new(means.entropy.ulid(means.clock.now())),
            method: None,
            route: Some("webhook delivery".into()),
            source_address: None,
            user_agent: None,
        },
        standing: None,
    }
}
