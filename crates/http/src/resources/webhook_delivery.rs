//! Deliveries of a subscription, with their attempts.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use auth::Caller;
use axum::http::StatusCode;
use findings::Desk;
use futures_util::future::BoxFuture;
use kernel::{Changeset, Id, OutboxEvent, Reader, Reason, Revision, Stamp, Stored, Subject, Timestamp};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use webhooks::{
    Attempt, DeliveryFilter, DeliveryState, EventType, Failure, Outcome, TEST_EVENT, WebhookDelivery,
    WebhookSubscription,
};

use crate::{
    app::App,
    body::{Object, Reading, word},
    call::Call,
    operation::{Document, Media},
    problem::Problem,
    query::Query,
    reply::Reply,
    resources::webhook_subscription::{desk, own},
    schema::words,
    view::{self, Shown, View, example_id, example_moment, list_filtered, record_media, shown},
    write::{Command, carry_out},
};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeliveryShape<'a> {
    #[schema(value_type = String)]
    id: Shown<Id<WebhookDelivery>>,
    #[schema(value_type = String)]
    subscription_id: Shown<Id<WebhookSubscription>>,
    /// `webhook-id` of its attempts.
    #[schema(value_type = String)]
    event_id: Shown<Id<OutboxEvent>>,
    event_type: &'a str,
    #[schema(schema_with = state_schema)]
    status: &'static str,
    /// When it is tried next; null once it is over.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    next_attempt_at: Option<Shown<Timestamp>>,
    /// The last twenty, oldest first.
    #[schema(inline)]
    attempts: Vec<AttemptShape<'a>>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Shown<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Shown<Timestamp>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AttemptShape<'a> {
    #[schema(value_type = String, format = DateTime)]
    attempted_at: Shown<Timestamp>,
    duration_ms: u64,
    /// Of the answer, where there was one.
    #[schema(required)]
    status: Option<u16>,
    /// The first 1 KiB of it.
    #[schema(required)]
    answer: Option<&'a str>,
    /// Why it failed; null where it did not.
    #[schema(schema_with = failure_schema, required)]
    error: Option<&'static str>,
    /// The same for people.
    #[schema(required)]
    message: Option<&'static str>,
}

fn state_schema() -> utoipa::openapi::schema::Object {
    words(DeliveryState::ALL, DeliveryState::name)
}

fn failure_schema() -> utoipa::openapi::schema::Object {
    crate::schema::words_or_null(Failure::ALL, Failure::name)
}

fn attempt_shape(attempt: &Attempt) -> AttemptShape<'_> {
    let Outcome { took, status, answer, failure, .. } = &attempt.outcome;
    AttemptShape {
        attempted_at: Shown(attempt.at),
        duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        status: *status,
        answer: answer.as_deref(),
        error: failure.map(Failure::name),
        message: failure.map(Failure::says),
    }
}

/// The events that deliveries are of.
fn event_types() -> impl Iterator<Item = &'static str> {
    EventType::ALL.iter().map(|event| event.name()).chain([TEST_EVENT])
}

fn event_type(text: &str) -> Result<String, String> {
    event_types()
        .find(|name| *name == text)
        .map(str::to_owned)
        .ok_or_else(|| format!("must be one of: {}", event_types().collect::<Vec<_>>().join(", ")))
}

impl View for WebhookDelivery {
    const SINGULAR: &'static str = "webhookDelivery";
    const PLURAL: &'static str = "webhookDeliveries";
    const COMPONENT: &'static str = "WebhookDelivery";
    type Shape<'a> = DeliveryShape<'a>;

    fn shape(stored: &Stored<Self>) -> DeliveryShape<'_> {
        let delivery = &stored.record;
        DeliveryShape {
            id: Shown(stored.meta.id),
            subscription_id: Shown(delivery.subscription),
            event_id: Shown(delivery.event),
            event_type: &delivery.event_type,
            status: delivery.state.name(),
            next_attempt_at: delivery.next_attempt_at.map(Shown),
            attempts: delivery.attempts.iter().map(attempt_shape).collect(),
            created_at: Shown(stored.meta.created_at),
            updated_at: Shown(stored.meta.updated_at),
        }
    }

    fn filter(query: &mut Query<'_>) -> DeliveryFilter {
        let state = word(DeliveryState::ALL, DeliveryState::name);
        DeliveryFilter {
            subscription: None,
            states: query.any_of("status", "How far it is.", || state.schema(), |text| state.find(text)),
            event_types: query.any_of(
                "eventType",
                "What happened.",
                || json!({ "type": "string", "enum": event_types().collect::<BTreeSet<_>>() }),
                event_type,
            ),
        }
    }

    fn example() -> Stored<Self> {
        let outcome = Outcome {
            took: Duration::from_millis(184),
            status: Some(503),
            answer: Some("down for maintenance".to_owned()),
            failure: Some(Failure::Refused),
            retry_after: None,
        };
        let record = Self {
            subscription: example_id(9),
            event: example_id(8),
            event_type: EventType::FindingCreated.name().into(),
            subject: example_id::<findings::Finding>(3).ulid(),
            subject_revision: Revision::FIRST,
            state: DeliveryState::Failed,
            failed: 1,
            next_attempt_at: Some(example_moment() + Duration::from_secs(5)),
            attempts: vec![Attempt { at: example_moment(), outcome }],
        };
        Stored::new(example_id(1), example_id(10), example_moment(), record)
    }
}

/// The delivery that the path names, if it is one of the caller's subscription there.
async fn of_own(app: &App, call: &Call) -> Result<(Stored<WebhookSubscription>, Stored<WebhookDelivery>), Problem> {
    let id: Id<WebhookDelivery> = call.path_id_at(1)?;
    let subscription = own(app, call).await?;
    let found = Reader::<WebhookDelivery>::get(&*app.services.store, subscription.meta.organization, id).await?;
    let delivery = found.filter(|delivery| delivery.record.subscription == subscription.meta.id);
    delivery.map(|delivery| (subscription, delivery)).ok_or_else(Problem::not_found)
}

/// `GET /webhooks/subscriptions/{subscriptionId}/deliveries`.
pub(crate) fn list<'a>(app: &'a App, call: &'a Call) -> BoxFuture<'a, Result<Reply, Problem>> {
    Box::pin(async move {
        let subscription = own(app, call).await?.meta.id;
        let mut query = Query::parse(call.query());
        let filter = DeliveryFilter { subscription: Some(subscription), ..WebhookDelivery::filter(&mut query) };
        let reply = list_filtered::<WebhookDelivery>(app, call, &mut query, &filter).await?;
        Ok(reply.about(Subject::of(subscription)))
    })
}

/// `GET /webhooks/subscriptions/{subscriptionId}/deliveries/{deliveryId}`.
pub(crate) fn get<'a>(app: &'a App, call: &'a Call) -> BoxFuture<'a, Result<Reply, Problem>> {
    Box::pin(async move {
        Query::parse(call.query()).finish()?;
        let (_, delivery) = of_own(app, call).await?;
        Ok(shown(call, &delivery))
    })
}

/// `POST /webhooks/subscriptions/{subscriptionId}/deliveries/{deliveryId}/redeliver`.
pub(crate) struct Redeliver {
    reason: Reason,
}

impl Redeliver {
    fn read(object: &mut Object<'_>) -> Option<Self> {
        Some(Self { reason: object.reason()? })
    }
}

#[async_trait]
impl Command for Redeliver {
    type Done = Stored<WebhookDelivery>;

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
        let (subscription, delivery) = of_own(app, call).await?;
        Ok(webhooks::redeliver(&desk(desk_of), stamp, &subscription, &delivery)?)
    }

    fn answer(&self, done: &Self::Done) -> Reply {
        Reply::record(StatusCode::OK, WebhookDelivery::SINGULAR, &WebhookDelivery::shape(done))
            .revision(done.meta.revision)
    }
}

pub(crate) fn redeliver<'a>(app: &'a App, call: &'a Call) -> BoxFuture<'a, Result<Reply, Problem>> {
    Box::pin(async move {
        call.path_id::<WebhookSubscription>()?;
        call.path_id_at::<WebhookDelivery>(1)?;
        carry_out(app, call, Redeliver::read).await
    })
}

pub(crate) fn list_document() -> Document {
    Document { errors: &[400, 404], ..view::list_document::<WebhookDelivery>() }
}

pub(crate) fn redeliver_document() -> Document {
    Document {
        query: Vec::new(),
        request: Some(Media {
            schema: Object::describe(Redeliver::read),
            example: json!({ "reason": "The mirror is back" }),
        }),
        status: 200,
        response: record_media::<WebhookDelivery>(),
        line: None,
        errors: &[400, 404, 409, 413, 415, 422],
        codes: &[],
        response_headers: &["ETag", "Idempotent-Replayed"],
    }
}
