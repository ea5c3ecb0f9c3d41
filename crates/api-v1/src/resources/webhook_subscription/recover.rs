//! `POST /webhooks/subscriptions/{subscriptionId}/recover`: redelivers the events of a time range, oldest first.

use std::{collections::HashSet, time::Duration};

use async_trait::async_trait;
use auth::Caller;
use axum::http::StatusCode;

use futures_util::future::BoxFuture;
use http_api::{
    App,
    endpoints::{Document, Media},
    handlers::{Command, execute},
    request::{ApiRequest, BodyReader, TimestampReader},
    response::{ApiResponse, Issue, Problem},
};
use kernel::{
    Changeset, Id, PageLimit, PageRequest, Reader, Reason, StoreError, Stored, TimeRange, Timestamp, WriteContext,
    WriteTimestamp,
};
use serde_json::json;
use store::DynStore;
use ulid::Ulid;
use webhooks::{
    DeliveryFilter, DeliveryHistory, DeliveryState, EventBodies, MAX_RECOVERED, Partition, RecoveryCounts, ReplayRange,
    StoredEvent, UndeliveredEvent, WebhookDelivery, WebhookSubscription,
};

use super::{create::check_read_scopes, find_owned};
use crate::errors::webhook_problem;

/// The number of events that are read at a time.
const PAGE_SIZE: usize = 200;
/// The maximum number of pages that one request reads, which bounds its cost even if few events match the subscription.
const MAX_PAGES: usize = 100;

/// The states of the deliveries that are sent again: those that have ended without success, or wait for another
/// attempt.
const UNDELIVERED: [DeliveryState; 3] = [DeliveryState::Failed, DeliveryState::Exhausted, DeliveryState::Cancelled];

/// The command that redelivers the events of a time range.
pub(crate) struct RecoverDeliveries {
    since: Timestamp,
    until: Option<Timestamp>,
    reason: Reason,
}

impl RecoverDeliveries {
    fn read(object: &mut BodyReader<'_>) -> Option<Self> {
        let since = object.required("since", TimestampReader);
        let until = object.optional("until", TimestampReader);
        let reason = object.reason();
        if let (Some(since), Some(until)) = (since, until)
            && since >= until
        {
            object.error(Issue::new(["until"], "must be after since"));
        }
        Some(Self { since: since?, until, reason: reason? })
    }
}

/// The events of a time range that must be redelivered.
#[derive(Default)]
struct UndeliveredEvents {
    failed: Vec<Stored<WebhookDelivery>>,
    missed: Vec<UndeliveredEvent>,
    /// The time of the first event that was not examined.
    next_since: Option<Timestamp>,
}

impl UndeliveredEvents {
    /// The number of events that may still be added.
    fn remaining(&self) -> usize {
        MAX_RECOVERED - self.failed.len() - self.missed.len()
    }
}

#[async_trait]
impl Command for RecoverDeliveries {
    type Output = (RecoveryCounts, Option<Timestamp>);

    fn reason(&self) -> &Reason {
        &self.reason
    }

    async fn decide(
        &self,
        app: &App,
        request: &ApiRequest,
        caller: &Caller,
        context: &WriteContext<'_>,
        timestamp: WriteTimestamp,
    ) -> Result<(Changeset, Self::Output), Problem> {
        let subscription = find_owned(app, request).await?;
        check_read_scopes(caller, &subscription.record.event_types)?;
        // The range is half-open, and must include the current millisecond.
        let until = self.until.unwrap_or_else(|| timestamp.at() + Duration::from_millis(1));
        // Events before the creation of the subscription are not meant for it.
        let range = ReplayRange { since: self.since.max(subscription.meta.created_at), until };
        let found = find_undelivered(&*app.services.store, &subscription, range).await?;
        let (changeset, recovery) = webhooks::recover(context, timestamp, &subscription, &found.failed, &found.missed)
            .map_err(webhook_problem)?;
        Ok((changeset, (recovery, found.next_since)))
    }

    fn response(&self, (recovery, rest): &Self::Output) -> ApiResponse {
        let body = json!({
            "redelivered": recovery.redelivered,
            "missed": recovery.missed,
            "nextSince": rest.map(|time| time.to_string()),
        });
        ApiResponse::record(StatusCode::OK, "recovery", &body)
    }
}

/// Searches the events of a time range, oldest first, until it has found as many as one request redelivers.
async fn find_undelivered(
    store: &DynStore,
    subscription: &Stored<WebhookSubscription>,
    range: ReplayRange,
) -> Result<UndeliveredEvents, StoreError> {
    let organization = subscription.meta.organization;
    let mut found = UndeliveredEvents::default();
    let mut after = range.since.last_ulid_before();
    for _ in 0..MAX_PAGES {
        let last = range.until.last_ulid_before();
        let bodies = EventBodies::Omitted;
        let events = DeliveryHistory::events(store, organization, after, last, PAGE_SIZE, bodies).await?;
        let Some(last) = events.last() else { return Ok(found) };
        let (end, more) = (last.id.ulid(), events.len() == PAGE_SIZE);
        let matching = events.into_iter().filter(|event| is_subscribed_to(subscription, event)).collect();
        found.next_since = classify(store, subscription, matching, &mut found).await?;
        if found.next_since.is_some() || !more {
            return Ok(found);
        }
        after = end;
    }
    found.next_since = Some(time_of(after));
    Ok(found)
}

/// Whether the subscription includes the type of this event.
fn is_subscribed_to(subscription: &Stored<WebhookSubscription>, event: &StoredEvent) -> bool {
    event.name.parse().is_ok_and(|event_type| subscription.record.event_types.contains(&event_type))
}

/// Classifies events, oldest first: those with an unsuccessful delivery and those without a delivery are added to
/// `found`. Returns the time of the first event that did not fit any more.
async fn classify(
    store: &DynStore,
    subscription: &Stored<WebhookSubscription>,
    events: Vec<StoredEvent>,
    found: &mut UndeliveredEvents,
) -> Result<Option<Timestamp>, StoreError> {
    let (Some(first), Some(last)) = (events.first(), events.last()) else { return Ok(None) };
    let partition = Partition { organization: subscription.meta.organization, subscription: subscription.meta.id };
    let times = (time_of(first.id.ulid()), time_of(last.id.ulid()));
    let mut undelivered = load_undelivered(store, subscription, times).await?;
    let ids: Vec<_> = events.iter().map(|event| delivery_id(subscription, event)).collect();
    let existing: HashSet<_> =
        DeliveryHistory::existing_deliveries(store, partition, &ids).await?.into_iter().collect();
    for (event, id) in events.into_iter().zip(ids) {
        let failed = undelivered.iter().position(|delivery| delivery.meta.id == id);
        if failed.is_none() && existing.contains(&id) {
            continue;
        }
        if found.remaining() == 0 {
            return Ok(Some(time_of(event.id.ulid())));
        }
        match failed {
            Some(index) => found.failed.push(undelivered.swap_remove(index)),
            None => found.missed.push(event),
        }
    }
    Ok(None)
}

/// Loads the unsuccessful deliveries of events between these times, both inclusive.
async fn load_undelivered(
    store: &DynStore,
    subscription: &Stored<WebhookSubscription>,
    (first, last): (Timestamp, Timestamp),
) -> Result<Vec<Stored<WebhookDelivery>>, StoreError> {
    let filter = DeliveryFilter {
        subscription: Some(subscription.meta.id),
        states: UNDELIVERED.into(),
        ..DeliveryFilter::default()
    };
    let time_range = TimeRange {
        created_after: Some(first),
        created_before: Some(Timestamp::from_millis(last.millis().saturating_add(1))),
        ..TimeRange::default()
    };
    let limit = PageLimit::clamped(u64::from(PageLimit::MAX));
    let mut request = PageRequest { limit, time_range, ..PageRequest::default() };
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

fn delivery_id(subscription: &Stored<WebhookSubscription>, event: &StoredEvent) -> Id<WebhookDelivery> {
    WebhookDelivery::derive_id(subscription.meta.id, event.id, event.created_at)
}

/// Returns the time in an identifier.
fn time_of(id: Ulid) -> Timestamp {
    Timestamp::from_millis(i64::try_from(id.timestamp_ms()).unwrap_or(i64::MAX))
}

pub(crate) fn recover<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        request.path_id::<WebhookSubscription>()?;
        execute(app, request, RecoverDeliveries::read).await
    })
}

pub(crate) fn document() -> Document {
    let count = |description: &str| json!({ "type": "integer", "description": description });
    Document {
        query: Vec::new(),
        request: Some(Media {
            schema: BodyReader::describe(RecoverDeliveries::read),
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
