//! Fan-out of events to deliveries, by the owner of the lease.

use bytes::Bytes;
use kernel::{Id, Kind, OrganizationId, OutboxEvent, StoreError, Timestamp};
use store::Lease;
use ulid::Ulid;
use webhooks::{
    EventType, FanOut, FanOutPhase, Partition, StoredEvent, TEST_EVENT, WebhookDelivery, WebhookSubscription,
    deliveries_for,
};

use super::restamped;
use crate::state::{Row, State};

/// An event in the outbox.
#[derive(Clone)]
pub(crate) struct OutboxRow {
    pub(crate) event: OutboxEvent,
    /// Whether the event is not fanned out yet.
    pub(crate) pending: bool,
}

impl OutboxRow {
    pub(super) fn with_body(&self) -> StoredEvent {
        StoredEvent::from(&self.event)
    }

    fn without_body(&self) -> StoredEvent {
        StoredEvent { body: Bytes::new(), ..self.with_body() }
    }

    pub(super) fn is_between(&self, after: Ulid, last: Ulid) -> bool {
        self.event.id.ulid() > after && self.event.id.ulid() <= last
    }

    /// Whether the event is pending and its type is supported; an unsupported one is left to a newer server.
    fn is_pending_and_supported(&self) -> bool {
        self.pending && (self.event.name == TEST_EVENT || self.event.name.parse::<EventType>().is_ok())
    }
}

/// The arguments of a fan-out.
#[derive(Clone, Copy)]
pub(super) struct FanOutRequest<'h> {
    pub(super) organization: OrganizationId,
    pub(super) owner: &'h str,
    pub(super) now: Timestamp,
    pub(super) limit: usize,
    pub(super) phase: FanOutPhase,
    /// The timestamp of the write.
    pub(super) at: Timestamp,
}

impl State {
    /// The organization's events, ordered by identifier.
    pub(super) fn events(&self, organization: OrganizationId) -> impl Iterator<Item = &OutboxRow> {
        let (first, last) = ((organization, Id::new(Ulid::nil())), (organization, Id::new(Ulid::max())));
        self.outbox.range(first..=last).map(|(_, event)| event)
    }

    pub(super) fn pending_organizations(&self, after: Option<OrganizationId>, limit: usize) -> Vec<OrganizationId> {
        let pending = self.outbox.values().filter(|event| event.is_pending_and_supported());
        let mut found: Vec<OrganizationId> = pending.map(|event| event.event.organization).collect();
        found.dedup();
        found.into_iter().filter(|organization| after.is_none_or(|after| *organization > after)).take(limit).collect()
    }

    pub(super) fn fan_out(&mut self, request: &FanOutRequest<'_>) -> Result<FanOut, StoreError> {
        let FanOutRequest { organization, owner: holder, now, limit, phase: audience, at } = *request;
        let lease = self.leases.get(Lease::Distributor.name());
        if !lease.is_some_and(|held| held.owner == holder && now < held.expires_at) {
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
        let all = pending.iter().flat_map(|event| deliveries_for(event, &subscriptions));
        let (healthy, remaining): (Vec<_>, Vec<_>) = all.partition(|delivery| {
            !self.is_failing(Partition { organization, subscription: delivery.record.subscription })
        });
        let left = audience == FanOutPhase::Healthy && !healthy.is_empty() && !remaining.is_empty();
        let deliveries = if left { healthy } else { [healthy, remaining].concat() };
        let distribution = FanOut { events: pending.len(), deliveries: deliveries.len(), remaining: left };
        for delivery in deliveries {
            // An existing delivery of the event is the same one.
            if self.record::<WebhookDelivery>(organization, delivery.meta.id).is_none() {
                let partition = Partition { organization, subscription: delivery.record.subscription };
                self.mark_due(partition, delivery.record.next_attempt_at.unwrap_or(delivery.meta.created_at));
                self.put_delivery(restamped(delivery, at));
            }
        }
        for event in pending.iter().filter(|_| !left) {
            if let Some(event) = self.outbox.get_mut(&(organization, event.id)) {
                event.pending = false;
            }
        }
        Ok(distribution)
    }
}
