//! The JSON representation of webhook subscriptions, and the endpoints to list and get them. An account sees only its
//! own.

mod change;
mod create;
mod endpoint_url;
mod recover;
mod remove;
mod rotate;
mod test;

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    App,
    endpoints::{Document, Media},
    handlers::{ListRequest, find},
    openapi::enum_schema,
    request::{ApiRequest, DueDates, EnumReader, FieldReader, MediaType, Query, enum_reader},
    response::{ApiResponse, AsText, Problem, write_json},
    streams,
};
use kernel::{
    Description, Id, OrganizationId, Page, Reader, RecordStream, SnapshotStream, StoreError, Stored, Subject, Timestamp,
};
use serde::Serialize;
use serde_json::{Value, json};
use store::DynStore;
use utoipa::{PartialSchema as _, ToSchema};
use webhooks::{
    DeliveryHealth, DeliveryHistory, DisabledReason, EndpointUrl, EventType, SubscriptionFilter, SubscriptionStatus,
    WebhookSecret, WebhookSubscription,
};

use crate::view::{self, View, example_id, example_timestamp, record_media};

pub(crate) use change::{document as change_document, patch};
pub(crate) use create::{check_read_scopes, document as create_document, post};
pub(crate) use recover::{document as recover_document, recover};
pub(crate) use remove::{delete, document as remove_document};
pub(crate) use rotate::{document as rotate_document, rotate};
pub(crate) use test::{document as test_document, test};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SubscriptionDto<'a> {
    #[schema(value_type = String)]
    id: AsText<Id<WebhookSubscription>>,
    url: &'a str,
    description: &'a str,
    #[schema(schema_with = event_types_schema)]
    event_types: Vec<&'static str>,
    #[schema(schema_with = status_schema)]
    status: &'static str,
    /// The reason why it is disabled: `requested` by its account, `gone` after a 410, or `failing` for five days.
    #[schema(required)]
    disabled_reason: Option<&'static str>,
    /// The time of the last successful attempt.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    last_delivery_at: Option<AsText<Timestamp>>,
    /// The time since which no attempt has succeeded.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    failing_since: Option<AsText<Timestamp>>,
    #[schema(value_type = String, format = DateTime)]
    created_at: AsText<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    updated_at: AsText<Timestamp>,
    /// The secret that deliveries are signed with. It is only present in the response to the request that created it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    secret: Option<&'a str>,
}

fn event_types_schema() -> utoipa::openapi::schema::Array {
    utoipa::openapi::schema::ArrayBuilder::new().items(enum_schema(EventType::ALL, EventType::name)).build()
}

/// The statuses that an account can see.
const VISIBLE_STATUSES: &[SubscriptionStatus] = &[SubscriptionStatus::Active, SubscriptionStatus::Disabled];

fn status_schema() -> utoipa::openapi::schema::Object {
    enum_schema(VISIBLE_STATUSES, SubscriptionStatus::name)
}

fn event_type_reader() -> EnumReader<EventType> {
    enum_reader(EventType::ALL, EventType::name)
}

fn status_reader() -> EnumReader<SubscriptionStatus> {
    enum_reader(VISIBLE_STATUSES, SubscriptionStatus::name)
}

/// Returns the JSON representation of a subscription with the health of its deliveries.
fn to_dto_with_health<'a>(stored: &'a Stored<WebhookSubscription>, health: DeliveryHealth) -> SubscriptionDto<'a> {
    let subscription = &stored.record;
    SubscriptionDto {
        id: AsText(stored.meta.id),
        url: subscription.url.as_str(),
        description: subscription.description.as_str(),
        event_types: subscription.event_types.iter().map(|event| event.name()).collect(),
        status: subscription.status.name(),
        disabled_reason: subscription.disabled_reason.map(DisabledReason::name),
        last_delivery_at: health.last_delivery_at.map(AsText),
        failing_since: health.failing_since.map(AsText),
        created_at: AsText(stored.meta.created_at),
        updated_at: AsText(stored.meta.updated_at),
        secret: None,
    }
}

impl View for WebhookSubscription {
    const SINGULAR: &'static str = "webhookSubscription";
    const PLURAL: &'static str = "webhookSubscriptions";
    const COMPONENT: &'static str = "WebhookSubscription";
    type Dto<'a> = SubscriptionDto<'a>;

    /// Returns the representation of a subscription without any delivery yet.
    fn to_dto(stored: &Stored<Self>) -> SubscriptionDto<'_> {
        to_dto_with_health(stored, DeliveryHealth::default())
    }

    fn schema() -> Value {
        json!(SubscriptionDto::schema())
    }

    fn filter(query: &mut Query<'_>) -> SubscriptionFilter {
        let status = status_reader();
        let requested = query.choices(
            "status",
            "Only subscriptions with one of these statuses.",
            || status.schema(),
            |text| status.parse(text),
        );
        let statuses = if requested.is_empty() { VISIBLE_STATUSES.iter().copied().collect() } else { requested };
        SubscriptionFilter { account: None, statuses }
    }

    fn example() -> Stored<Self> {
        let url = EndpointUrl::from_stored("https://mirror.cedar-valley.example/novantra");
        let record = Self::from_parts(
            example_id(5),
            0,
            url.expect("the example is a valid URL"),
            Description::parse("ServiceNow mirror").expect("the example is valid"),
            BTreeSet::from([EventType::FindingCreated, EventType::FindingStatusChanged]),
            SubscriptionStatus::Active,
            None,
            Vec::new(),
        );
        Stored::new(example_id(1), example_id(9), example_timestamp(), record)
    }
}

/// Loads the subscription that the first path parameter names, if it belongs to the caller.
pub(crate) async fn find_owned(app: &App, request: &ApiRequest) -> Result<Stored<WebhookSubscription>, Problem> {
    let stored = find::<WebhookSubscription>(app, request).await?;
    let account = request.principal()?.caller()?.account.meta.id;
    if stored.record.account == account && !stored.record.is_removed() { Ok(stored) } else { Err(Problem::not_found()) }
}

/// Loads the health of the deliveries of these subscriptions, in the same order.
async fn load_health(
    store: &DynStore,
    organization: OrganizationId,
    subscriptions: &[Stored<WebhookSubscription>],
) -> Result<Vec<DeliveryHealth>, StoreError> {
    if subscriptions.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<_> = subscriptions.iter().map(|stored| stored.meta.id).collect();
    let found = DeliveryHistory::delivery_health(store, organization, &ids).await?;
    let health_of = |id| found.iter().find(|(other, _)| *other == id).map(|(_, health)| *health).unwrap_or_default();
    Ok(ids.into_iter().map(health_of).collect())
}

/// A subscription with the health of its deliveries.
type SubscriptionWithHealth = (Stored<WebhookSubscription>, DeliveryHealth);

async fn with_health(app: &App, stored: Stored<WebhookSubscription>) -> Result<SubscriptionWithHealth, Problem> {
    let store = &*app.services.store;
    let health = load_health(store, stored.meta.organization, std::slice::from_ref(&stored)).await?;
    Ok((stored, health.first().copied().unwrap_or_default()))
}

/// Returns the response with a subscription.
fn subscription_response(status: StatusCode, (stored, health): &SubscriptionWithHealth) -> ApiResponse {
    ApiResponse::record(status, WebhookSubscription::SINGULAR, &to_dto_with_health(stored, *health))
        .with_etag(stored.meta.revision)
}

/// Returns the response with a subscription and its new secret, which can't be retrieved later.
fn subscription_response_with_secret(
    status: StatusCode,
    (stored, health): &SubscriptionWithHealth,
    secret: &WebhookSecret,
) -> ApiResponse {
    let secret = secret.expose_text();
    let shape = SubscriptionDto { secret: Some(&secret), ..to_dto_with_health(stored, *health) };
    ApiResponse::record(status, WebhookSubscription::SINGULAR, &shape).with_etag(stored.meta.revision).confidential()
}

/// A stream of subscriptions that adds the health of their deliveries.
struct SubscriptionStreamWithHealth {
    inner: Box<dyn RecordStream<Stored<WebhookSubscription>>>,
    store: Arc<DynStore>,
    organization: OrganizationId,
}

#[async_trait]
impl RecordStream<SubscriptionWithHealth> for SubscriptionStreamWithHealth {
    async fn next(&mut self) -> Result<Option<Vec<SubscriptionWithHealth>>, StoreError> {
        let Some(batch) = self.inner.next().await? else { return Ok(None) };
        let health = load_health(&*self.store, self.organization, &batch).await?;
        Ok(Some(batch.into_iter().zip(health).collect()))
    }
}

pub(crate) fn list<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let mut query = Query::parse(request.query());
        let account = request.principal()?.caller()?.account.meta.id;
        let filter = SubscriptionFilter { account: Some(account), ..WebhookSubscription::filter(&mut query) };
        let list_request = ListRequest::parse(app, request, &mut query, DueDates::No)?;
        let store = &app.services.store;
        let write = |(stored, health): &SubscriptionWithHealth, out: &mut Vec<u8>| {
            write_json(out, &to_dto_with_health(stored, *health))
        };
        if request.media_type == MediaType::NdJson {
            let permit = streams::acquire_permit(app, request)?;
            let SnapshotStream { batches, as_of } = Reader::<WebhookSubscription>::stream(
                &**store,
                list_request.organization,
                &filter,
                &list_request.as_stream(),
            )
            .await?;
            let batches = SubscriptionStreamWithHealth {
                inner: batches,
                store: Arc::clone(store),
                organization: list_request.organization,
            };
            return streams::snapshot_response(
                app,
                request,
                permit,
                SnapshotStream { batches: Box::new(batches), as_of },
                write,
            );
        }
        let page =
            Reader::<WebhookSubscription>::list(&**store, list_request.organization, &filter, &list_request.page)
                .await?;
        let health = load_health(&**store, list_request.organization, &page.items).await?;
        let Page { items, next, as_of } = page;
        let page = Page { items: items.into_iter().zip(health).collect(), next, as_of };
        let position = |(subscription, _): &SubscriptionWithHealth| list_request.page.order.position(subscription);
        Ok(list_request.to_response(app, WebhookSubscription::PLURAL, page, position, write))
    })
}

/// Handles a get request. It ignores `If-None-Match`, because the health of the deliveries changes without a new
/// revision.
pub(crate) fn get<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        Query::parse(request.query()).finish()?;
        let subscription = with_health(app, find_owned(app, request).await?).await?;
        Ok(subscription_response(StatusCode::OK, &subscription).with_subject(Subject::from_id(subscription.0.meta.id)))
    })
}

pub(crate) fn get_document() -> Document {
    Document { errors: &[400, 404], ..view::get_document::<WebhookSubscription>() }
}

/// Returns the schema and the example of a response that contains a new secret.
fn media_with_secret() -> Media {
    let mut media = record_media::<WebhookSubscription>();
    media.example[WebhookSubscription::SINGULAR]["secret"] = json!("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD…");
    media
}
