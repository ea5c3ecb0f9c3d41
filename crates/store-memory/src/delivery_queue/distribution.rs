//! Fan-out of events to deliveries, by the owner of the lease.

use bytes::Bytes;
use kernel::{Id, Kind, OrganizationId, OutboxEvent, StoreError, Timestamp};
use store::Lease;
use ulid::Ulid;
use webhooks::{
    Audience, Distribution, EventType, Lane, StoredEvent, TEST_EVENT, WebhookDelivery, WebhookSubscription, addressed,
};

use super::seen;
use crate::state::{Row, State};

/// An event in the outbox.
#[derive(Clone)]
pub(crate) struct Event {
    pub(crate) event: OutboxEvent,
    /// Whether the event is not fanned out yet.
    pub(crate) waits: bool,
}

impl Event {
    pub(super) fn whole(&self) -> StoredEvent {
        StoredEvent { body: self.event.body.clone(), ..self.head() }
    }

    fn head(&self) -> StoredEvent {
        StoredEvent {
            id: self.event.id,
            organization: self.event.organization,
            name: self.event.name.into(),
            subject: self.event.subject.1,
            revision: self.event.revision,
            created_at: self.event.created_at,
            body: Bytes::new(),
        }
    }

    pub(super) fn is_between(&self, after: Ulid, last: Ulid) -> bool {
        self.event.id.ulid() > after && self.event.id.ulid() <= last
    }

    /// Whether the event is pending and its type is supported; an unsupported one is left to a newer server.
    fn waits_here(&self) -> bool {
        self.waits && (self.event.name == TEST_EVENT || self.event.name.parse::<EventType>().is_ok())
    }
}

/// The arguments of a fan-out.
#[derive(Clone, Copy)]
pub(super) struct Round<'h> {
    pub(super) organization: OrganizationId,
    pub(super) holder: &'h str,
    pub(super) now: Timestamp,
    pub(super) limit: usize,
    pub(super) audience: Audience,
    /// The timestamp of the write.
    pub(super) at: Timestamp,
}

impl State {
    /// The organization's events, ordered by identifier.
    pub(super) fn events(&self, organization: OrganizationId) -> impl Iterator<Item = &Event> {
        let (first, last) = ((organization, Id::new(Ulid::nil())), (organization, Id::new(Ulid::max())));
        self.outbox.range(first..=last).map(|(_, event)| event)
    }

    pub(super) fn undistributed(&self, after: Option<OrganizationId>, limit: usize) -> Vec<OrganizationId> {
        let pending = self.outbox.values().filter(|event| event.waits_here());
        let mut found: Vec<OrganizationId> = pending.map(|event| event.event.organization).collect();
        found.dedup();
        found.into_iter().filter(|organization| after.is_none_or(|after| *organization > after)).take(limit).collect()
    }

    pub(super) fn distribute(&mut self, request: &Round<'_>) -> Result<Distribution, StoreError> {
        let Round { organization, holder, now, limit, audience, at } = *request;
        let lease = self.leases.get(Lease::Distributor.name());
        if !lease.is_some_and(|held| held.holder == holder && now < held.until) {
            return Ok(Distribution::default());
        }
        let mut pending: Vec<_> =
            self.events(organization).filter(|event| event.waits_here()).map(Event::head).collect();
        pending.sort_by_key(|event| (event.created_at, event.revision, event.id));
        pending.truncate(limit);
        let rows = self.rows(Kind::WebhookSubscription, organization);
        let subscriptions: Vec<_> = rows.filter_map(Row::read::<WebhookSubscription>).collect();
        let all = pending.iter().flat_map(|event| addressed(event, &subscriptions));
        let (healthy, remaining): (Vec<_>, Vec<_>) = all
            .partition(|delivery| !self.is_failing(Lane { organization, subscription: delivery.record.subscription }));
        let left = audience == Audience::Sound && !healthy.is_empty() && !remaining.is_empty();
        let deliveries = if left { healthy } else { [healthy, remaining].concat() };
        let distribution = Distribution { events: pending.len(), deliveries: deliveries.len(), left };
        for delivery in deliveries {
            // An existing delivery of the event is the same one.
            if self.record::<WebhookDelivery>(organization, delivery.meta.id).is_none() {
                let partition = Lane { organization, subscription: delivery.record.subscription };
                self.wake(partition, delivery.record.next_attempt_at.unwrap_or(delivery.meta.created_at));
                self.keep(seen(delivery, at));
            }
        }
        for event in pending.iter().filter(|_| !left) {
            if let Some(event) = self.outbox.get_mut(&(organization, event.id)) {
                event.waits = false;
            }
        }
        Ok(distribution)
    }
}
