//! The endpoints to list, get and redeliver the deliveries of a subscription.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use auth::Caller;
use axum::http::StatusCode;

use futures_util::future::BoxFuture;
use http_api::{
    App,
    endpoints::{Document, Media},
    handlers::{self, Command, execute},
    openapi::{enum_schema, nullable_enum_schema},
    request::{ApiRequest, BodyReader, FieldReader, Query, enum_reader},
    response::{ApiResponse, AsText, Problem, write_json},
};
use kernel::{
    Changeset, Id, OutboxEvent, Reader, Reason, Revision, Stored, Subject, Timestamp, WriteContext, WriteTimestamp,
};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{PartialSchema as _, ToSchema};
use webhooks::{
    Attempt, AttemptFailure, AttemptOutcome, DeliveryFilter, DeliveryState, EventType, TEST_EVENT, WebhookDelivery,
    WebhookSubscription,
};

use crate::{
    errors::webhook_problem,
    resources::webhook_subscription::{check_read_scopes, find_owned},
    view::{self, View, example_id, example_timestamp, record_media},
    webhook_services::WebhookServices,
};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeliveryDto<'a> {
    #[schema(value_type = String)]
    id: AsText<Id<WebhookDelivery>>,
    #[schema(value_type = String)]
    subscription_id: AsText<Id<WebhookSubscription>>,
    /// The identifier of the event, which is the `webhook-id` of every attempt.
    #[schema(value_type = String)]
    event_id: AsText<Id<OutboxEvent>>,
    event_type: &'a str,
    #[schema(schema_with = state_schema)]
    status: &'static str,
    /// The time of the next attempt; null if there is none, the subscription is disabled, or webhooks are paused.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    next_attempt_at: Option<AsText<Timestamp>>,
    /// The last twenty attempts, oldest first.
    #[schema(inline)]
    attempts: Vec<AttemptDto<'a>>,
    #[schema(value_type = String, format = DateTime)]
    created_at: AsText<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    updated_at: AsText<Timestamp>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AttemptDto<'a> {
    #[schema(value_type = String, format = DateTime)]
    attempted_at: AsText<Timestamp>,
    duration_ms: u64,
    /// The HTTP status of the response; null if there was no response.
    #[schema(required)]
    status: Option<u16>,
    /// The first 1 KiB of the response body.
    #[schema(required)]
    answer: Option<&'a str>,
    /// The error code of a failed attempt; null if the attempt succeeded.
    #[schema(schema_with = failure_schema, required)]
    error: Option<&'static str>,
    /// The description of the error.
    #[schema(required)]
    message: Option<&'static str>,
}

fn state_schema() -> utoipa::openapi::schema::Object {
    enum_schema(DeliveryState::ALL, DeliveryState::name)
}

fn failure_schema() -> utoipa::openapi::schema::Object {
    nullable_enum_schema(AttemptFailure::ALL, AttemptFailure::name)
}

fn attempt_dto(attempt: &Attempt) -> AttemptDto<'_> {
    let AttemptOutcome { duration, status, response_body, failure, .. } = &attempt.outcome;
    let failure = failure.map(public_failure);
    AttemptDto {
        attempted_at: AsText(attempt.at),
        duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        status: *status,
        answer: response_body.as_deref(),
        error: failure.map(AttemptFailure::name),
        message: failure.map(AttemptFailure::description),
    }
}

/// Returns the reason that a client may know. Which names resolve to addresses within the operator's network is not for
/// clients, so a name whose addresses are forbidden looks like one without an address.
fn public_failure(failure: AttemptFailure) -> AttemptFailure {
    match failure {
        AttemptFailure::Forbidden => AttemptFailure::Unresolved,
        other => other,
    }
}

/// Returns the names of all event types that deliveries can have.
fn event_types() -> impl Iterator<Item = &'static str> {
    EventType::ALL.iter().map(|event| event.name()).chain([TEST_EVENT])
}

fn parse_event_type(text: &str) -> Result<String, String> {
    event_types()
        .find(|name| *name == text)
        .map(str::to_owned)
        .ok_or_else(|| format!("must be one of: {}", event_types().collect::<Vec<_>>().join(", ")))
}

impl View for WebhookDelivery {
    const SINGULAR: &'static str = "webhookDelivery";
    const PLURAL: &'static str = "webhookDeliveries";
    const COMPONENT: &'static str = "WebhookDelivery";
    type Dto<'a> = DeliveryDto<'a>;

    fn to_dto(stored: &Stored<Self>) -> DeliveryDto<'_> {
        let delivery = &stored.record;
        DeliveryDto {
            id: AsText(stored.meta.id),
            subscription_id: AsText(delivery.subscription),
            event_id: AsText(delivery.event),
            event_type: &delivery.event_type,
            status: delivery.state.name(),
            next_attempt_at: delivery.next_attempt_at.map(AsText),
            attempts: delivery.attempts.iter().map(attempt_dto).collect(),
            created_at: AsText(stored.meta.created_at),
            updated_at: AsText(stored.meta.updated_at),
        }
    }

    fn schema() -> Value {
        json!(DeliveryDto::schema())
    }

    fn filter(query: &mut Query<'_>) -> DeliveryFilter {
        let state = enum_reader(DeliveryState::ALL, DeliveryState::name);
        DeliveryFilter {
            subscription: None,
            states: query.choices(
                "status",
                "Only deliveries with one of these statuses.",
                || state.schema(),
                |text| state.parse(text),
            ),
            event_types: query.choices(
                "eventType",
                "Only deliveries of one of these event types.",
                || json!({ "type": "string", "enum": event_types().collect::<BTreeSet<_>>() }),
                parse_event_type,
            ),
        }
    }

    fn example() -> Stored<Self> {
        let outcome = AttemptOutcome {
            duration: Duration::from_millis(184),
            status: Some(503),
            response_body: Some("down for maintenance".to_owned()),
            failure: Some(AttemptFailure::Refused),
            retry_after: None,
        };
        let record = Self {
            subscription: example_id(9),
            event: example_id(8),
            event_type: EventType::FindingCreated.name().into(),
            subject: example_id::<findings::Finding>(3).ulid(),
            subject_revision: Revision::FIRST,
            state: DeliveryState::Failed,
            consecutive_failures: 1,
            next_attempt_at: Some(example_timestamp() + Duration::from_secs(5)),
            attempts: vec![Attempt { at: example_timestamp(), outcome }],
        };
        Stored::new(example_id(1), example_id(10), example_timestamp(), record)
    }
}

/// Returns the representation of a delivery to this subscription. While no events are delivered to the subscription, there
/// is no next attempt.
fn to_dto_of<'a>(
    stored: &'a Stored<WebhookDelivery>,
    subscription: &WebhookSubscription,
    paused: bool,
) -> DeliveryDto<'a> {
    let next_attempt_at = stored.record.scheduled_at(subscription, paused).map(AsText);
    DeliveryDto { next_attempt_at, ..WebhookDelivery::to_dto(stored) }
}

/// Checks that the caller itself may read the event of a delivery. The type of an event that a newer server stored is
/// unknown here: then the caller must have the scopes of all events of the subscription.
fn check_read_scope(
    caller: &Caller,
    subscription: &WebhookSubscription,
    delivery: &WebhookDelivery,
) -> Result<(), Problem> {
    if &*delivery.event_type == TEST_EVENT {
        return Ok(());
    }
    match delivery.event_type.parse::<EventType>() {
        Ok(event) => check_read_scopes(caller, &BTreeSet::from([event])),
        Err(_) => check_read_scopes(caller, &subscription.event_types),
    }
}

/// Loads the delivery that the path names, if it belongs to the caller's subscription in the path.
async fn find_owned_delivery(
    app: &App,
    request: &ApiRequest,
) -> Result<(Stored<WebhookSubscription>, Stored<WebhookDelivery>), Problem> {
    let id: Id<WebhookDelivery> = request.path_id_at(1)?;
    let subscription = find_owned(app, request).await?;
    let found = Reader::<WebhookDelivery>::get(&*app.services.store, subscription.meta.organization, id).await?;
    let delivery = found.filter(|delivery| delivery.record.subscription == subscription.meta.id);
    delivery.map(|delivery| (subscription, delivery)).ok_or_else(Problem::not_found)
}

/// Handles `GET /webhooks/subscriptions/{subscriptionId}/deliveries`.
pub(crate) fn list<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let subscription = find_owned(app, request).await?;
        let id = subscription.meta.id;
        let mut query = Query::parse(request.query());
        let filter = DeliveryFilter { subscription: Some(id), ..WebhookDelivery::filter(&mut query) };
        let paused = WebhookServices::of(request)?.are_paused();
        let write = move |stored: &Stored<WebhookDelivery>, out: &mut Vec<u8>| {
            write_json(out, &to_dto_of(stored, &subscription.record, paused));
        };
        let response = handlers::list(app, request, &mut query, &filter, WebhookDelivery::PLURAL, write).await?;
        Ok(response.with_subject(Subject::from_id(id)))
    })
}

/// Handles `GET /webhooks/subscriptions/{subscriptionId}/deliveries/{deliveryId}`.
pub(crate) fn get<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        Query::parse(request.query()).finish()?;
        let (subscription, delivery) = find_owned_delivery(app, request).await?;
        let dto = to_dto_of(&delivery, &subscription.record, WebhookServices::of(request)?.are_paused());
        if delivery.record.next_attempt_at.is_none() {
            return Ok(handlers::conditional_response(request, &delivery.meta, WebhookDelivery::SINGULAR, &dto));
        }
        // The time of the next attempt depends on the subscription and on the installation, which change without a new revision of the delivery.
        let response = ApiResponse::record(StatusCode::OK, WebhookDelivery::SINGULAR, &dto);
        Ok(response.with_etag(delivery.meta.revision).with_subject(Subject::from_id(delivery.meta.id)))
    })
}

/// The command of `POST /webhooks/subscriptions/{subscriptionId}/deliveries/{deliveryId}/redeliver`.
pub(crate) struct RedeliverDelivery {
    reason: Reason,
}

impl RedeliverDelivery {
    fn read(object: &mut BodyReader<'_>) -> Option<Self> {
        Some(Self { reason: object.reason()? })
    }
}

#[async_trait]
impl Command for RedeliverDelivery {
    type Output = Stored<WebhookDelivery>;

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
        let (subscription, delivery) = find_owned_delivery(app, request).await?;
        check_read_scope(caller, &subscription.record, &delivery.record)?;
        let paused = WebhookServices::of(request)?.are_paused();
        let (changeset, mut output) =
            webhooks::redeliver(context, timestamp, &subscription, &delivery).map_err(webhook_problem)?;
        output.record.next_attempt_at = output.record.scheduled_at(&subscription.record, paused);
        Ok((changeset, output))
    }

    fn response(&self, output: &Self::Output) -> ApiResponse {
        ApiResponse::record(StatusCode::OK, WebhookDelivery::SINGULAR, &WebhookDelivery::to_dto(output))
            .with_etag(output.meta.revision)
    }
}

pub(crate) fn redeliver<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        request.path_id::<WebhookSubscription>()?;
        request.path_id_at::<WebhookDelivery>(1)?;
        execute(app, request, RedeliverDelivery::read).await
    })
}

pub(crate) fn list_document() -> Document {
    Document { errors: &[400, 404], ..view::list_document::<WebhookDelivery>() }
}

pub(crate) fn redeliver_document() -> Document {
    Document {
        query: Vec::new(),
        request: Some(Media {
            schema: BodyReader::describe(RedeliverDelivery::read),
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
