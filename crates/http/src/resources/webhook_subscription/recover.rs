//! `POST /webhooks/subscriptions/{subscriptionId}/recover`: a window of events again, the oldest first.

use std::{collections::HashSet, time::Duration};

use async_trait::async_trait;
use auth::Caller;
use axum::http::StatusCode;
use bytes::Bytes;
use findings::Desk;
use futures_util::future::BoxFuture;
use kernel::{
    Changeset, Id, PageLimit, PageRequest, Reader, Reason, Stamp, StoreError, Stored, Timestamp, Window as Times,
};
use serde_json::json;
use store::DynStore;
use ulid::Ulid;
use webhooks::{
    DeliveryFilter, DeliveryQueue, DeliveryState, Lane, MOST_RECOVERED, Missed, Recovery, StoredEvent, WebhookDelivery,
    WebhookSubscription, Window,
};

use super::{desk, own};
use crate::{
    app::App,
    body::{Moment, Object},
    call::Call,
    operation::{Document, Media},
    problem::{Issue, Problem},
    reply::Reply,
    write::{Command, carry_out},
};

/// How many events are looked at at a time.
const STEP: usize = 200;
/// How many steps one call takes at most, so that what it costs is bounded though little of the window is the caller's.
const MOST_STEPS: usize = 100;

/// What is sent again: what came to its end, or waits for another attempt.
const UNDELIVERED: [DeliveryState; 3] = [DeliveryState::Failed, DeliveryState::Exhausted, DeliveryState::Cancelled];

pub(crate) struct Recover {
    since: Timestamp,
    until: Option<Timestamp>,
    reason: Reason,
}

impl Recover {
    fn read(object: &mut Object<'_>) -> Option<Self> {
        let since = object.required("since", Moment);
        let until = object.optional("until", Moment);
        let reason = object.reason();
        if let (Some(since), Some(until)) = (since, until)
            && since >= until
        {
            object.fault(Issue::new(["until"], "must be after since"));
        }
        Some(Self { since: since?, until, reason: reason? })
    }
}

/// What of a window was found.
#[derive(Default)]
struct Found {
    failed: Vec<Stored<WebhookDelivery>>,
    missed: Vec<Missed>,
    /// The moment of the first event that was not looked at.
    rest: Option<Timestamp>,
}

impl Found {
    fn room(&self) -> usize {
        MOST_RECOVERED - self.failed.len() - self.missed.len()
    }
}

#[async_trait]
impl Command for Recover {
    type Done = (Recovery, Option<Timestamp>);

    fn reason(&self) -> &Reason {
        &self.reason
    }

    async fn decide(
        &self,
        app: &App,
        call: &Call,
        _: &Caller,
        desk_of: &Desk<'_>,
        stamp: Stamp,
    ) -> Result<(Changeset, Self::Done), Problem> {
        let subscription = own(app, call).await?;
        // What happened in this very moment is meant as well.
        let until = self.until.unwrap_or_else(|| stamp.at() + Duration::from_millis(1));
        // It was told nothing before there was one.
        let window = Window { since: self.since.max(subscription.meta.created_at), until };
        let found = look(&*app.services.store, &subscription, window).await?;
        let (changeset, recovery) =
            webhooks::recover(&desk(desk_of), stamp, &subscription, &found.failed, &found.missed)?;
        Ok((changeset, (recovery, found.rest)))
    }

    fn answer(&self, (recovery, rest): &Self::Done) -> Reply {
        let shape = json!({
            "redelivered": recovery.redelivered,
            "missed": recovery.missed,
            "nextSince": rest.map(|rest| rest.to_string()),
        });
        Reply::record(StatusCode::OK, "recovery", &shape)
    }
}

/// Walks the events of a window from the oldest on, until as many are found as one call sends again.
async fn look(
    store: &DynStore,
    subscription: &Stored<WebhookSubscription>,
    window: Window,
) -> Result<Found, StoreError> {
    let organization = subscription.meta.organization;
    let mut found = Found::default();
    let mut after = before(window.since);
    for _ in 0..MOST_STEPS {
        let events = DeliveryQueue::events(store, organization, after, before(window.until), STEP).await?;
        let Some(last) = events.last() else { return Ok(found) };
        let (ended, more) = (last.id.ulid(), events.len() == STEP);
        let wanted = events.into_iter().filter(|event| wants(subscription, event));
        // What they say is not needed here, and a thousand of them say much.
        let wanted = wanted.map(|event| StoredEvent { body: Bytes::new(), ..event }).collect();
        found.rest = sort(store, subscription, wanted, &mut found).await?;
        if found.rest.is_some() || !more {
            return Ok(found);
        }
        after = ended;
    }
    found.rest = Some(moment(after));
    Ok(found)
}

fn wants(subscription: &Stored<WebhookSubscription>, event: &StoredEvent) -> bool {
    event.name.parse().is_ok_and(|event_type| subscription.record.event_types.contains(&event_type))
}

/// Sorts events, the oldest first, into what was delivered, what was not, and what never was a delivery. Says from when on
/// there was no room.
async fn sort(
    store: &DynStore,
    subscription: &Stored<WebhookSubscription>,
    events: Vec<StoredEvent>,
    found: &mut Found,
) -> Result<Option<Timestamp>, StoreError> {
    let (Some(first), Some(last)) = (events.first(), events.last()) else { return Ok(None) };
    let lane = Lane { organization: subscription.meta.organization, subscription: subscription.meta.id };
    let span = (moment(first.id.ulid()), moment(last.id.ulid()));
    let mut undelivered = undelivered(store, subscription, span).await?;
    let ids: Vec<_> = events.iter().map(|event| id_of(subscription, event)).collect();
    let known: HashSet<_> = DeliveryQueue::known(store, lane, &ids).await?.into_iter().collect();
    for (event, id) in events.into_iter().zip(ids) {
        let failed = undelivered.iter().position(|delivery| delivery.meta.id == id);
        if failed.is_none() && known.contains(&id) {
            continue;
        }
        if found.room() == 0 {
            return Ok(Some(moment(event.id.ulid())));
        }
        match failed {
            Some(place) => found.failed.push(undelivered.swap_remove(place)),
            None => found.missed.push(event),
        }
    }
    Ok(None)
}

/// The deliveries of events within these moments, both included, that did not arrive.
async fn undelivered(
    store: &DynStore,
    subscription: &Stored<WebhookSubscription>,
    (first, last): (Timestamp, Timestamp),
) -> Result<Vec<Stored<WebhookDelivery>>, StoreError> {
    let filter = DeliveryFilter {
        subscription: Some(subscription.meta.id),
        states: UNDELIVERED.into(),
        ..DeliveryFilter::default()
    };
    let window = Times {
        created_after: Some(first),
        created_before: Some(Timestamp::from_millis(last.millis().saturating_add(1))),
        ..Times::default()
    };
    let limit = PageLimit::clamped(u64::from(PageLimit::MAX));
    let mut request = PageRequest { limit, window, ..PageRequest::default() };
    let mut all = Vec::new();
    loop {
        let page = Reader::<WebhookDelivery>::list(store, subscription.meta.organization, &filter, &request).await?;
        all.extend(page.items);
        match page.next {
            Some(next) => request.after = Some(next),
            None => return Ok(all),
        }
    }
}

fn id_of(subscription: &Stored<WebhookSubscription>, event: &StoredEvent) -> Id<WebhookDelivery> {
    WebhookDelivery::id(subscription.meta.id, event.id, event.created_at)
}

/// The last identifier before those of this moment.
fn before(at: Timestamp) -> Ulid {
    let first = Ulid::from_parts(u64::try_from(at.millis()).unwrap_or(0), 0);
    Ulid(first.0.saturating_sub(1))
}

fn moment(id: Ulid) -> Timestamp {
    Timestamp::from_millis(i64::try_from(id.timestamp_ms()).unwrap_or(i64::MAX))
}

pub(crate) fn recover<'a>(app: &'a App, call: &'a Call) -> BoxFuture<'a, Result<Reply, Problem>> {
    Box::pin(async move {
        call.path_id::<WebhookSubscription>()?;
        carry_out(app, call, Recover::read).await
    })
}

pub(crate) fn document() -> Document {
    let count = |says: &str| json!({ "type": "integer", "description": says });
    Document {
        query: Vec::new(),
        request: Some(Media {
            schema: Object::describe(Recover::read),
            example: json!({ "since": "2026-05-25T00:00:00.000Z", "reason": "The mirror was down" }),
        }),
        status: 200,
        response: Media {
            schema: json!({
                "type": "object",
                "required": ["recovery"],
                "properties": { "recovery": {
                    "type": "object",
                    "required": ["redelivered", "missed", "nextSince"],
                    "properties": {
                        "redelivered": count("Deliveries that had failed, were exhausted or cancelled, and are tried again."),
                        "missed": count("Events that had never become deliveries, as those that fell while the subscription was disabled."),
                        "nextSince": {
                            "type": ["string", "null"],
                            "format": "date-time",
                            "description": "Where this call ended before the window did: the `since` of the next call. Null where all is done.",
                        },
                    },
                } },
            }),
            example: json!({ "recovery": { "redelivered": 12, "missed": 3, "nextSince": null } }),
        },
        line: None,
        errors: &[400, 404, 409, 413, 415, 422],
        codes: &[],
        response_headers: &["Idempotent-Replayed"],
    }
}
