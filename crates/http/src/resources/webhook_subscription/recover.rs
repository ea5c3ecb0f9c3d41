//! `POST /webhooks/subscriptions/{subscriptionId}/recover`: redelivers the events of a time range, oldest first.

use std::{collections::HashSet, time::Duration};

use async_trait::async_trait;
use auth::Caller;
use axum::http::StatusCode;
use bytes::Bytes;
use findings::WriteContext;
use futures_util::future::BoxFuture;
use kernel::{
    Changeset, Id, PageLimit, PageRequest, Reader, Reason, StoreError, Stored, TimeRange as Times, Timestamp,
    WriteTimestamp,
};
use serde_json::json;
use store::DynStore;
use ulid::Ulid;
use webhooks::{
    DeliveryFilter, DeliveryQueue, DeliveryState, MAX_RECOVERED, Partition, RecoveryCounts, ReplayRange, StoredEvent,
    UndeliveredEvent, WebhookDelivery, WebhookSubscription,
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

/// The number of events that are read at a time.
const STEP: usize = 200;
/// The maximum number of pages that one request reads, which bounds its cost even if few events match the subscription.
const MOST_STEPS: usize = 100;

/// The states of the deliveries that are sent again: those that have ended without success, or wait for another
/// attempt.
const UNDELIVERED: [DeliveryState; 3] = [DeliveryState::Failed, DeliveryState::Exhausted, DeliveryState::Cancelled];

/// The command that redelivers the events of a time range.
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

/// The events of a time range that must be redelivered.
#[derive(Default)]
struct Found {
    failed: Vec<Stored<WebhookDelivery>>,
    missed: Vec<UndeliveredEvent>,
    /// The time of the first event that was not examined.
    rest: Option<Timestamp>,
}

impl Found {
    /// The number of events that may still be added.
    fn room(&self) -> usize {
        MAX_RECOVERED - self.failed.len() - self.missed.len()
    }
}

#[async_trait]
impl Command for Recover {
    type Done = (RecoveryCounts, Option<Timestamp>);

    fn reason(&self) -> &Reason {
        &self.reason
    }

    async fn decide(
        &self,
        app: &App,
        request: &Call,
        _: &Caller,
        context: &WriteContext<'_>,
        timestamp: WriteTimestamp,
    ) -> Result<(Changeset, Self::Done), Problem> {
        let subscription = own(app, request).await?;
        // The range is half-open, and must include the current millisecond.
        let until = self.until.unwrap_or_else(|| timestamp.at() + Duration::from_millis(1));
        // Events before the creation of the subscription are not meant for it.
        let range = ReplayRange { since: self.since.max(subscription.meta.created_at), until };
        let found = look(&*app.services.store, &subscription, range).await?;
        let (changeset, recovery) =
            webhooks::recover(&desk(context), timestamp, &subscription, &found.failed, &found.missed)?;
        Ok((changeset, (recovery, found.rest)))
    }

    fn answer(&self, (recovery, rest): &Self::Done) -> Reply {
        let body = json!({
            "redelivered": recovery.redelivered,
            "missed": recovery.missed,
            "nextSince": rest.map(|time| time.to_string()),
        });
        Reply::record(StatusCode::OK, "recovery", &body)
    }
}

/// Searches the events of a time range, oldest first, until it has found as many as one request redelivers.
async fn look(
    store: &DynStore,
    subscription: &Stored<WebhookSubscription>,
    range: ReplayRange,
) -> Result<Found, StoreError> {
    let organization = subscription.meta.organization;
    let mut found = Found::default();
    let mut after = before(range.since);
    for _ in 0..MOST_STEPS {
        let events = DeliveryQueue::events(store, organization, after, before(range.until), STEP).await?;
        let Some(last) = events.last() else { return Ok(found) };
        let (end, more) = (last.id.ulid(), events.len() == STEP);
        let matching = events.into_iter().filter(|event| wants(subscription, event));
        // The bodies are not needed here, and those of a thousand events are large.
        let matching = matching.map(|event| StoredEvent { body: Bytes::new(), ..event }).collect();
        found.rest = sort(store, subscription, matching, &mut found).await?;
        if found.rest.is_some() || !more {
            return Ok(found);
        }
        after = end;
    }
    found.rest = Some(moment(after));
    Ok(found)
}

/// Whether the subscription includes the type of this event.
fn wants(subscription: &Stored<WebhookSubscription>, event: &StoredEvent) -> bool {
    event.name.parse().is_ok_and(|event_type| subscription.record.event_types.contains(&event_type))
}

/// Classifies events, oldest first: those with an unsuccessful delivery and those without a delivery are added to
/// `found`. Returns the time of the first event that did not fit any more.
async fn sort(
    store: &DynStore,
    subscription: &Stored<WebhookSubscription>,
    events: Vec<StoredEvent>,
    found: &mut Found,
) -> Result<Option<Timestamp>, StoreError> {
    let (Some(first), Some(last)) = (events.first(), events.last()) else { return Ok(None) };
    let partition = Partition { organization: subscription.meta.organization, subscription: subscription.meta.id };
    let times = (moment(first.id.ulid()), moment(last.id.ulid()));
    let mut undelivered = undelivered(store, subscription, times).await?;
    let ids: Vec<_> = events.iter().map(|event| id_of(subscription, event)).collect();
    let existing: HashSet<_> = DeliveryQueue::existing_deliveries(store, partition, &ids).await?.into_iter().collect();
    for (event, id) in events.into_iter().zip(ids) {
        let failed = undelivered.iter().position(|delivery| delivery.meta.id == id);
        if failed.is_none() && existing.contains(&id) {
            continue;
        }
        if found.room() == 0 {
            return Ok(Some(moment(event.id.ulid())));
        }
        match failed {
            Some(index) => found.failed.push(undelivered.swap_remove(index)),
            None => found.missed.push(event),
        }
    }
    Ok(None)
}

/// Loads the unsuccessful deliveries of events between these times, both inclusive.
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
    let mut request = PageRequest { limit, time_range: window, ..PageRequest::default() };
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
    WebhookDelivery::derive_id(subscription.meta.id, event.id, event.created_at)
}

/// Returns the largest identifier that is smaller than those of this time.
fn before(at: Timestamp) -> Ulid {
    let first = Ulid::from_parts(u64::try_from(at.millis()).unwrap_or(0), 0);
    Ulid(first.0.saturating_sub(1))
}

/// Returns the time in an identifier.
fn moment(id: Ulid) -> Timestamp {
    Timestamp::from_millis(i64::try_from(id.timestamp_ms()).unwrap_or(i64::MAX))
}

pub(crate) fn recover<'a>(app: &'a App, request: &'a Call) -> BoxFuture<'a, Result<Reply, Problem>> {
    Box::pin(async move {
        request.path_id::<WebhookSubscription>()?;
        carry_out(app, request, Recover::read).await
    })
}

pub(crate) fn document() -> Document {
    let count = |description: &str| json!({ "type": "integer", "description": description });
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
                        "redelivered": count("The number of failed, exhausted or cancelled deliveries that are sent again."),
                        "missed": count("The number of events that had no delivery, for example because the subscription was disabled, and are now sent."),
                        "nextSince": {
                            "type": ["string", "null"],
                            "format": "date-time",
                            "description": "The `since` of the next request, if this one stopped before the end of the range. Null if the whole range is done.",
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
