//! Turning events into deliveries, by whoever has the lease.

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
    /// Whether it is not distributed yet.
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

    /// Whether it is to be distributed here: one that only a newer server knows is left to that.
    fn waits_here(&self) -> bool {
        self.waits && (self.event.name == TEST_EVENT || self.event.name.parse::<EventType>().is_ok())
    }
}

/// What one round is about.
#[derive(Clone, Copy)]
pub(super) struct Round<'h> {
    pub(super) organization: OrganizationId,
    pub(super) holder: &'h str,
    pub(super) now: Timestamp,
    pub(super) limit: usize,
    pub(super) audience: Audience,
    /// The moment of its changes.
    pub(super) at: Timestamp,
}

impl State {
    /// The organization's events by identifier.
    pub(super) fn events(&self, organization: OrganizationId) -> impl Iterator<Item = &Event> {
        let (first, last) = ((organization, Id::new(Ulid::nil())), (organization, Id::new(Ulid::max())));
        self.outbox.range(first..=last).map(|(_, event)| event)
    }

    pub(super) fn undistributed(&self, after: Option<OrganizationId>, limit: usize) -> Vec<OrganizationId> {
        let waiting = self.outbox.values().filter(|event| event.waits_here());
        let mut found: Vec<OrganizationId> = waiting.map(|event| event.event.organization).collect();
        found.dedup();
        found.into_iter().filter(|organization| after.is_none_or(|after| *organization > after)).take(limit).collect()
    }

    pub(super) fn distribute(&mut self, round: &Round<'_>) -> Result<Distribution, StoreError> {
        let Round { organization, holder, now, limit, audience, at } = *round;
        let lease = self.leases.get(Lease::Distributor.name());
        if !lease.is_some_and(|held| held.holder == holder && now < held.until) {
            return Ok(Distribution::default());
        }
        let mut waiting: Vec<_> =
            self.events(organization).filter(|event| event.waits_here()).map(Event::head).collect();
        waiting.sort_by_key(|event| (event.created_at, event.revision, event.id));
        waiting.truncate(limit);
        let rows = self.rows(Kind::WebhookSubscription, organization);
        let subscriptions: Vec<_> = rows.filter_map(Row::read::<WebhookSubscription>).collect();
        let all = waiting.iter().flat_map(|event| addressed(event, &subscriptions));
        let (sound, rest): (Vec<_>, Vec<_>) = all
            .partition(|delivery| !self.is_failing(Lane { organization, subscription: delivery.record.subscription }));
        let left = audience == Audience::Sound && !sound.is_empty() && !rest.is_empty();
        let told = if left { sound } else { [sound, rest].concat() };
        let distribution = Distribution { events: waiting.len(), deliveries: told.len(), left };
        for delivery in told {
            // One that is there already is the same one.
            if self.record::<WebhookDelivery>(organization, delivery.meta.id).is_none() {
                let lane = Lane { organization, subscription: delivery.record.subscription };
                self.wake(lane, delivery.record.next_attempt_at.unwrap_or(delivery.meta.created_at));
                self.keep(seen(delivery, at));
            }
        }
        for event in waiting.iter().filter(|_| !left) {
            if let Some(event) = self.outbox.get_mut(&(organization, event.id)) {
                event.waits = false;
            }
        }
        Ok(distribution)
    }
}
