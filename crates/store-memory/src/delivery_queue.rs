//! Events on their way: from the outbox to deliveries, and from there to endpoints.

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
        holder: &str,
        now: Timestamp,
        limit: usize,
        audience: Audience,
    ) -> Result<Distribution, StoreError> {
        let stamp = self.stamps.begin();
        let round = Round { organization, holder, now, limit, audience, at: stamp.at() };
        self.change(|state| state.distribute(&round))
    }

    async fn lanes_due(&self, now: Timestamp, limit: usize) -> Result<Vec<Lane>, StoreError> {
        Ok(self.snapshot()?.lanes_due(now, limit))
    }

    async fn claim(
        &self,
        lanes: &[Lane],
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Claim>, StoreError> {
        self.change(|state| Ok(lanes.iter().filter_map(|lane| state.claim_lane(*lane, holder, now, until)).collect()))
    }

    async fn renew(&self, holder: &str, until: Timestamp) -> Result<(), StoreError> {
        self.change(|state| {
            state.each_lane_of(holder, |row| row.hold(holder, until));
            Ok(())
        })
    }

    async fn standing(&self, lane: Lane) -> Result<Option<(Revision, Revision)>, StoreError> {
        let state = self.snapshot()?;
        let Some(subscription) = state.record(lane.organization, lane.subscription) else { return Ok(None) };
        let account = subscription.record.account.ulid();
        let account = state.revision(Kind::ServiceAccount, lane.organization, account);
        Ok(account.map(|account| (subscription.meta.revision, account)))
    }

    async fn due(&self, lane: Lane, now: Timestamp, limit: usize) -> Result<Vec<Due>, StoreError> {
        let state = self.snapshot()?;
        let due = state.open(lane).into_iter().filter(|delivery| delivery.record.next_attempt_at <= Some(now));
        due.take(limit)
            .map(|delivery| {
                let event = state.outbox.get(&(lane.organization, delivery.record.event));
                let event = event.ok_or_else(|| StoreError::Corrupt("a delivery tells of no event".into()))?;
                Ok(Due { body: event.event.body.clone(), delivery })
            })
            .collect()
    }

    async fn settle(
        &self,
        lane: Lane,
        settlements: &[Settlement],
        signs: Option<LaneSigns>,
    ) -> Result<Vec<Undone>, StoreError> {
        let stamp = self.stamps.begin();
        self.change(|state| {
            let mut undone = Vec::new();
            for Settlement { before, after } in settlements {
                let present = state.revision(Kind::WebhookDelivery, before.meta.organization, before.meta.ulid());
                if present == Some(before.meta.revision) {
                    state.keep(seen(after.clone(), stamp.at()));
                } else {
                    undone.push(before.meta.id);
                }
            }
            if let (Some(signs), Some(row)) = (signs, state.lanes.get_mut(&lane)) {
                row.signs = signs;
            }
            Ok(undone)
        })
    }

    async fn cancel(&self, lane: Lane, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        let stamp = self.stamps.begin();
        self.change(|state| {
            let open: Vec<_> = state.open(lane).into_iter().take(limit).collect();
            for delivery in &open {
                state.keep(delivery.changed(stamp.at().max(now), delivery.record.cancelled()));
            }
            Ok(open.len() as u64)
        })
    }

    async fn give_up(&self, lane: Lane, holder: &str, now: Timestamp, parked: bool) -> Result<bool, StoreError> {
        self.change(|state| Ok(state.give_up_lane(lane, holder, now, parked)))
    }

    async fn give_up_all(&self, holder: &str) -> Result<(), StoreError> {
        self.change(|state| {
            state.each_lane_of(holder, LaneRow::let_go);
            Ok(())
        })
    }

    async fn signs(
        &self,
        organization: OrganizationId,
        subscriptions: &[Id<WebhookSubscription>],
    ) -> Result<Vec<(Id<WebhookSubscription>, LaneSigns)>, StoreError> {
        let state = self.snapshot()?;
        let of = |(lane, row): (&Lane, &LaneRow)| (lane.subscription, row.signs);
        let asked = |lane: &Lane| lane.organization == organization && subscriptions.contains(&lane.subscription);
        let known = state.lanes.iter().filter(|(lane, row)| asked(lane) && row.signs != LaneSigns::default());
        Ok(known.map(of).collect())
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
        lane: Lane,
        deliveries: &[Id<WebhookDelivery>],
    ) -> Result<Vec<Id<WebhookDelivery>>, StoreError> {
        let state = self.snapshot()?;
        Ok(state.of_lane(lane).map(|delivery| delivery.meta.id).filter(|id| deliveries.contains(id)).collect())
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.change(|state| Ok(state.prune(before, limit)))
    }

    async fn lag(&self, now: Timestamp) -> Result<Lag, StoreError> {
        let state = self.snapshot()?;
        let lanes = state.lanes.iter().filter(|(_, row)| row.due_at.is_some_and(|due| due <= now));
        let first = |lane: &Lane| state.open(*lane).first().and_then(|delivery| delivery.record.next_attempt_at);
        let since: Vec<Timestamp> = lanes.filter_map(|(lane, _)| first(lane)).filter(|at| *at <= now).collect();
        Ok(Lag {
            oldest_event: state.outbox.values().filter(|event| event.waits).map(|event| event.event.created_at).min(),
            oldest_due: since.iter().min().copied(),
            lanes_due: since.len() as u64,
        })
    }
}

impl State {
    fn of_lane(&self, lane: Lane) -> impl Iterator<Item = Stored<WebhookDelivery>> {
        let rows = self.rows(Kind::WebhookDelivery, lane.organization).filter_map(Row::read::<WebhookDelivery>);
        rows.filter(move |delivery| delivery.record.subscription == lane.subscription)
    }

    /// The lane's deliveries that are not over, the first to be tried first.
    fn open(&self, lane: Lane) -> Vec<Stored<WebhookDelivery>> {
        let is_open = |delivery: &Stored<WebhookDelivery>| delivery.record.next_attempt_at.is_some();
        let mut open: Vec<_> = self.of_lane(lane).filter(is_open).collect();
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

/// What is stored now is noted as changed now, whenever it was decided.
fn seen(mut delivery: Stored<WebhookDelivery>, at: Timestamp) -> Stored<WebhookDelivery> {
    delivery.meta.updated_at = at.max(delivery.meta.updated_at);
    delivery
}
