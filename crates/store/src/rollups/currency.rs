//! Whether stored counts are still those of the records.

use evidence::EvidenceClaim;
use findings::Finding;
use kernel::{Order, OrganizationId, PageLimit, PageRequest, Reader, Resource, StoreError, TimeRange, Timestamp};
use submissions::SubmissionPackage;
use webhooks::{WebhookDelivery, WebhookSubscription};

use super::{Rollup, RollupPart};
use crate::DynStore;

/// Returns whether a count at `now` would have the numbers of this rollup: no record has changed since, and nothing has
/// become overdue, expired or aged. It costs one step into an index of changes, or two.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub async fn is_current(
    store: &DynStore,
    organization: OrganizationId,
    rollup: &Rollup,
    now: Timestamp,
) -> Result<bool, StoreError> {
    // A count of a time that the clock no longer shows is not current, either.
    if now >= rollup.due_at || now < rollup.counted_at {
        return Ok(false);
    }
    let since = rollup.as_of;
    let has_changes = match rollup.part {
        RollupPart::Findings => has_changes::<Finding>(store, organization, since).await?,
        RollupPart::Evidence => has_changes::<EvidenceClaim>(store, organization, since).await?,
        RollupPart::Submissions => has_changes::<SubmissionPackage>(store, organization, since).await?,
        RollupPart::Deliveries => {
            has_changes::<WebhookSubscription>(store, organization, since).await?
                || has_changes::<WebhookDelivery>(store, organization, since).await?
        }
    };
    Ok(!has_changes)
}

/// Whether a record has changed since the count: one step into the index of changes.
async fn has_changes<R: Resource>(
    store: &DynStore,
    organization: OrganizationId,
    since: Timestamp,
) -> Result<bool, StoreError>
where
    DynStore: Reader<R>,
{
    let page = PageRequest {
        limit: PageLimit::clamped(1),
        order: Order::Changed,
        time_range: TimeRange { updated_after: Some(since), ..TimeRange::default() },
        ..PageRequest::default()
    };
    let changed = Reader::<R>::list(store, organization, &R::Filter::default(), &page).await?;
    Ok(!changed.items.is_empty())
}
