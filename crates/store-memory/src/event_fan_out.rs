//! Fan-out of events to deliveries, by the owner of the lease.

use async_trait::async_trait;
use kernel::{Kind, OrganizationId, StoreError, Timestamp};
use store::Lease;
use webhooks::{EventFanOut, FanOut, FanOutPhase, Partition, WebhookDelivery, WebhookSubscription, deliveries_for};

use crate::{
    MemoryStore,
    state::{OutboxRow, Row, State, with_updated_at},
};

#[async_trait]
impl EventFanOut for MemoryStore {
    async fn pending_organizations(
        &self,
        after: Option<OrganizationId>,
        limit: usize,
    ) -> Result<Vec<OrganizationId>, StoreError> {
        Ok(self.snapshot()?.pending_organizations(after, limit))
    }

    async fn fan_out(
        &self,
        organization: OrganizationId,
        owner: &str,
        now: Timestamp,
        limit: usize,
        phase: FanOutPhase,
    ) -> Result<FanOut, StoreError> {
        let timestamp = self.timestamps.begin();
        let request = FanOutRequest { organization, owner, now, limit, phase, at: timestamp.at() };
        self.change(|state| state.fan_out(&request))
    }
}

/// The arguments of a fan-out.
#[derive(Clone, Copy)]
struct FanOutRequest<'a> {
    organization: OrganizationId,
    owner: &'a str,
    now: Timestamp,
    limit: usize,
    phase: FanOutPhase,
    /// The timestamp of the write.
    at: Timestamp,
}

impl State {
    fn pending_organizations(&self, after: Option<OrganizationId>, limit: usize) -> Vec<OrganizationId> {
        let pending = self.outbox.values().filter(|event| event.is_pending_and_supported());
        let mut found: Vec<OrganizationId> = pending.map(|event| event.event.organization).collect();
        found.dedup();
        found.into_iter().filter(|organization| after.is_none_or(|after| *organization > after)).take(limit).collect()
    }

    fn fan_out(&mut self, request: &FanOutRequest<'_>) -> Result<FanOut, StoreError> {
        let FanOutRequest { organization, owner, now, limit, phase, at } = *request;
        let lease = self.leases.get(&*Lease::Distributor.name());
        if !lease.is_some_and(|lease| lease.owner == owner && now < lease.expires_at) {
            return Ok(FanOut::default());
        }
        let mut pending: Vec<_> = self
            .events(organization)
            .filter(|event| event.is_pending_and_supported())
            .map(OutboxRow::without_body)
            .collect();
        pending.sort_by_key(|event| (event.created_at, event.revision, event.id));
        pending.truncate(limit);
        let rows = self.rows(Kind::WebhookSubscription, organization);
        let subscriptions: Vec<_> = rows.filter_map(Row::read::<WebhookSubscription>).collect();
        let all = pending.iter().flat_map(|event| deliveries_for(event, &subscriptions, now));
        let (healthy, remaining): (Vec<_>, Vec<_>) = all.partition(|delivery| {
            self.is_healthy(Partition { organization, subscription: delivery.record.subscription })
        });
        let has_remaining = phase == FanOutPhase::Healthy && !healthy.is_empty() && !remaining.is_empty();
        let deliveries = if has_remaining { healthy } else { [healthy, remaining].concat() };
        let fan_out = FanOut { events: pending.len(), deliveries: deliveries.len(), remaining: has_remaining };
        for delivery in deliveries {
            // An existing delivery of the event is the same one.
            if self.record::<WebhookDelivery>(organization, delivery.meta.id).is_none() {
                let partition = Partition { organization, subscription: delivery.record.subscription };
                self.mark_due(partition, delivery.record.next_attempt_at.unwrap_or(delivery.meta.created_at));
                self.put_delivery(with_updated_at(delivery, at));
            }
        }
        for event in pending.iter().filter(|_| !has_remaining) {
            if let Some(event) = self.outbox.get_mut(&(organization, event.id)) {
                event.pending = false;
            }
        }
        Ok(fan_out)
    }
}
