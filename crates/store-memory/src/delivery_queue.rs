//! The delivery queue: events, deliveries and partitions.

mod distribution;
mod lanes;
mod pruning;

use async_trait::async_trait;
use kernel::{Id, Kind, OrganizationId, Revision, StoreError, Stored, Timestamp};
use ulid::Ulid;
use webhooks::{
    Audience, Claim, DeliveryQueue, Distribution, Due, Lag, Lane, LaneSigns, Settlement, StoredEvent, Undone,
    WebhookDelivery, WebhookSubscription,
};

use self::distribution::Round;
pub(crate) use self::{distribution::Event, lanes::LaneRow};
use crate::{
    MemoryStore,
    state::{Row, State},
};

#[async_trait]
impl DeliveryQueue for MemoryStore {
    async fn undistributed(
        &self,
        after: Option<OrganizationId>,
        limit: usize,
    ) -> Result<Vec<OrganizationId>, StoreError> {
        Ok(self.snapshot()?.undistributed(after, limit))
    }

    async fn distribute(
        &self,
        organization: OrganizationId,
        owner: &str,
        now: Timestamp,
        limit: usize,
        phase: Audience,
    ) -> Result<Distribution, StoreError> {
        let timestamp = self.stamps.begin();
        let request = Round { organization, holder: owner, now, limit, audience: phase, at: timestamp.at() };
        self.change(|state| state.distribute(&request))
    }

    async fn lanes_due(&self, now: Timestamp, limit: usize) -> Result<Vec<Lane>, StoreError> {
        Ok(self.snapshot()?.lanes_due(now, limit))
    }

    async fn claim(
        &self,
        partitions: &[Lane],
        owner: &str,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Vec<Claim>, StoreError> {
        self.change(|state| {
            Ok(partitions.iter().filter_map(|partition| state.claim_lane(*partition, owner, now, expires_at)).collect())
        })
    }

    async fn renew(&self, owner: &str, expires_at: Timestamp) -> Result<(), StoreError> {
        self.change(|state| {
            state.each_lane_of(owner, |row| row.hold(owner, expires_at));
            Ok(())
        })
    }

    async fn standing(&self, partition: Lane) -> Result<Option<(Revision, Revision)>, StoreError> {
        let state = self.snapshot()?;
        let Some(subscription) = state.record(partition.organization, partition.subscription) else { return Ok(None) };
        let account = subscription.record.account.ulid();
        let account = state.revision(Kind::ServiceAccount, partition.organization, account);
        Ok(account.map(|account| (subscription.meta.revision, account)))
    }

    async fn due(&self, partition: Lane, now: Timestamp, limit: usize) -> Result<Vec<Due>, StoreError> {
        let state = self.snapshot()?;
        let due = state.open(partition).into_iter().filter(|delivery| delivery.record.next_attempt_at <= Some(now));
        due.take(limit)
            .map(|delivery| {
                let event = state.outbox.get(&(partition.organization, delivery.record.event));
                let event = event.ok_or_else(|| StoreError::Corrupt("the event of a delivery is missing".into()))?;
                Ok(Due { body: event.event.body.clone(), delivery })
            })
            .collect()
    }

    async fn settle(
        &self,
        partition: Lane,
        updates: &[Settlement],
        health: Option<LaneSigns>,
    ) -> Result<Vec<Undone>, StoreError> {
        let timestamp = self.stamps.begin();
        self.change(|state| {
            let mut stale = Vec::new();
            for Settlement { before, after } in updates {
                let revision = state.revision(Kind::WebhookDelivery, before.meta.organization, before.meta.ulid());
                if revision == Some(before.meta.revision) {
                    state.keep(seen(after.clone(), timestamp.at()));
                } else {
                    stale.push(before.meta.id);
                }
            }
            if let (Some(health), Some(row)) = (health, state.lanes.get_mut(&partition)) {
                row.signs = health;
            }
            Ok(stale)
        })
    }

    async fn cancel(&self, partition: Lane, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        let timestamp = self.stamps.begin();
        self.change(|state| {
            let open: Vec<_> = state.open(partition).into_iter().take(limit).collect();
            for delivery in &open {
                state.keep(delivery.changed(timestamp.at().max(now), delivery.record.cancelled()));
            }
            Ok(open.len() as u64)
        })
    }

    async fn give_up(&self, partition: Lane, owner: &str, now: Timestamp, suspended: bool) -> Result<bool, StoreError> {
        self.change(|state| Ok(state.give_up_lane(partition, owner, now, suspended)))
    }

    async fn give_up_all(&self, owner: &str) -> Result<(), StoreError> {
        self.change(|state| {
            state.each_lane_of(owner, LaneRow::let_go);
            Ok(())
        })
    }

    async fn signs(
        &self,
        organization: OrganizationId,
        subscriptions: &[Id<WebhookSubscription>],
    ) -> Result<Vec<(Id<WebhookSubscription>, LaneSigns)>, StoreError> {
        let state = self.snapshot()?;
        let entry = |(partition, row): (&Lane, &LaneRow)| (partition.subscription, row.signs);
        let is_requested = |partition: &Lane| {
            partition.organization == organization && subscriptions.contains(&partition.subscription)
        };
        let found =
            state.lanes.iter().filter(|(partition, row)| is_requested(partition) && row.signs != LaneSigns::default());
        Ok(found.map(entry).collect())
    }

    async fn events(
        &self,
        organization: OrganizationId,
        after: Ulid,
        last: Ulid,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        Ok(self
            .snapshot()?
            .events(organization)
            .filter(|event| event.is_between(after, last))
            .take(limit)
            .map(Event::whole)
            .collect())
    }

    async fn known(
        &self,
        partition: Lane,
        deliveries: &[Id<WebhookDelivery>],
    ) -> Result<Vec<Id<WebhookDelivery>>, StoreError> {
        let state = self.snapshot()?;
        Ok(state.of_lane(partition).map(|delivery| delivery.meta.id).filter(|id| deliveries.contains(id)).collect())
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.change(|state| Ok(state.prune(before, limit)))
    }

    async fn lag(&self, now: Timestamp) -> Result<Lag, StoreError> {
        let state = self.snapshot()?;
        let partitions = state.lanes.iter().filter(|(_, row)| row.due_at.is_some_and(|due| due <= now));
        let next_due =
            |partition: &Lane| state.open(*partition).first().and_then(|delivery| delivery.record.next_attempt_at);
        let due_since: Vec<Timestamp> =
            partitions.filter_map(|(partition, _)| next_due(partition)).filter(|at| *at <= now).collect();
        Ok(Lag {
            oldest_event: state.outbox.values().filter(|event| event.waits).map(|event| event.event.created_at).min(),
            oldest_due: due_since.iter().min().copied(),
            lanes_due: due_since.len() as u64,
        })
    }
}

impl State {
    fn of_lane(&self, partition: Lane) -> impl Iterator<Item = Stored<WebhookDelivery>> {
        let rows = self.rows(Kind::WebhookDelivery, partition.organization).filter_map(Row::read::<WebhookDelivery>);
        rows.filter(move |delivery| delivery.record.subscription == partition.subscription)
    }

    /// The partition's unfinished deliveries, the next due first.
    fn open(&self, partition: Lane) -> Vec<Stored<WebhookDelivery>> {
        let is_open = |delivery: &Stored<WebhookDelivery>| delivery.record.next_attempt_at.is_some();
        let mut open: Vec<_> = self.of_lane(partition).filter(is_open).collect();
        open.sort_by_key(|delivery| {
            (delivery.record.next_attempt_at, delivery.record.subject_revision, delivery.meta.ulid())
        });
        open
    }

    fn keep(&mut self, delivery: Stored<WebhookDelivery>) {
        let key = (Kind::WebhookDelivery, delivery.meta.organization, delivery.meta.ulid());
        let row = Row { meta: delivery.meta.erased(), record: std::sync::Arc::new(delivery.record) };
        self.records.insert_mut(key, row);
    }
}

/// Sets the time of change to the time of the write, which may be after that of the decision.
fn seen(mut delivery: Stored<WebhookDelivery>, at: Timestamp) -> Stored<WebhookDelivery> {
    delivery.meta.updated_at = at.max(delivery.meta.updated_at);
    delivery
}
