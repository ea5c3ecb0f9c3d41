//! Subscriptions: their shape, list and get. An account sees its own and no others.

mod change;
mod create;
mod recover;
mod remove;
mod rotate;
mod test;

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use kernel::{
    Batches, Description, Id, OrganizationId, Page, Reader, StoreError, Stored, Streamed, Subject, Timestamp,
};
use serde::Serialize;
use serde_json::json;
use store::DynStore;
use utoipa::ToSchema;
use webhooks::{
    DeliveryQueue, DisabledReason, EndpointUrl, EventType, LaneSigns, SubscriptionFilter, SubscriptionStatus,
    WebhookSecret, WebhookSubscription,
};

use crate::{
    accept::Format,
    app::App,
    body::{Reading, WordReading, word},
    call::Call,
    operation::{Document, Media},
    problem::Problem,
    query::Query,
    reply::{Reply, write_json},
    schema::words,
    streams,
    view::{self, Shown, View, Walk, example_id, example_moment, find, record_media},
};

pub(crate) use change::{document as change_document, patch};
pub(crate) use create::{document as create_document, post};
pub(crate) use recover::{document as recover_document, recover};
pub(crate) use remove::{delete, document as remove_document};
pub(crate) use rotate::{document as rotate_document, rotate};
pub(crate) use test::{document as test_document, test};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SubscriptionShape<'a> {
    #[schema(value_type = String)]
    id: Shown<Id<WebhookSubscription>>,
    url: &'a str,
    description: &'a str,
    #[schema(schema_with = event_types_schema)]
    event_types: Vec<&'static str>,
    #[schema(schema_with = status_schema)]
    status: &'static str,
    /// `requested` by its account, `gone` by a 410, or `failing` for five days; null while it is active.
    #[schema(required)]
    disabled_reason: Option<&'static str>,
    /// When an attempt last succeeded.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    last_delivery_at: Option<Shown<Timestamp>>,
    /// Since when none has succeeded.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    failing_since: Option<Shown<Timestamp>>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Shown<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Shown<Timestamp>,
    /// What deliveries are signed with: only in the answer that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    secret: Option<&'a str>,
}

fn event_types_schema() -> utoipa::openapi::schema::Array {
    utoipa::openapi::schema::ArrayBuilder::new().items(words(EventType::ALL, EventType::name)).build()
}

/// The states that an account sees.
const SHOWN: &[SubscriptionStatus] = &[SubscriptionStatus::Active, SubscriptionStatus::Disabled];

fn status_schema() -> utoipa::openapi::schema::Object {
    words(SHOWN, SubscriptionStatus::name)
}

fn event_type_words() -> WordReading<EventType> {
    word(EventType::ALL, EventType::name)
}

fn status_words() -> WordReading<SubscriptionStatus> {
    word(SHOWN, SubscriptionStatus::name)
}

/// The subscription with how its deliveries went.
fn shape_with<'a>(stored: &'a Stored<WebhookSubscription>, signs: LaneSigns) -> SubscriptionShape<'a> {
    let subscription = &stored.record;
    SubscriptionShape {
        id: Shown(stored.meta.id),
        url: subscription.url.as_str(),
        description: subscription.description.as_str(),
        event_types: subscription.event_types.iter().map(|event| event.name()).collect(),
        status: subscription.status.name(),
        disabled_reason: subscription.disabled_reason.map(DisabledReason::name),
        last_delivery_at: signs.last_delivery_at.map(Shown),
        failing_since: signs.failing_since.map(Shown),
        created_at: Shown(stored.meta.created_at),
        updated_at: Shown(stored.meta.updated_at),
        secret: None,
    }
}

impl View for WebhookSubscription {
    const SINGULAR: &'static str = "webhookSubscription";
    const PLURAL: &'static str = "webhookSubscriptions";
    const COMPONENT: &'static str = "WebhookSubscription";
    type Shape<'a> = SubscriptionShape<'a>;

    /// One to which nothing was delivered yet.
    fn shape(stored: &Stored<Self>) -> SubscriptionShape<'_> {
        shape_with(stored, LaneSigns::default())
    }

    fn filter(query: &mut Query<'_>) -> SubscriptionFilter {
        let status = status_words();
        let asked =
            query.any_of("status", "Whether it is told anything.", || status.schema(), |text| status.find(text));
        let statuses = if asked.is_empty() { SHOWN.iter().copied().collect() } else { asked };
        SubscriptionFilter { account: None, statuses }
    }

    fn example() -> Stored<Self> {
        let url = EndpointUrl::of_stored("https://mirror.cedar-valley.example/novantra");
        let record = Self::of_parts(
            example_id(5),
            0,
            url.expect("the example is a URL"),
            Description::parse("ServiceNow mirror").expect("the example keeps the rule"),
            BTreeSet::from([EventType::FindingCreated, EventType::FindingStatusChanged]),
            SubscriptionStatus::Active,
            None,
            Vec::new(),
        );
        Stored::new(example_id(1), example_id(9), example_moment(), record)
    }
}

/// The subscription that the path names first, if it is the caller's.
pub(crate) async fn own(app: &App, call: &Call) -> Result<Stored<WebhookSubscription>, Problem> {
    let stored = find::<WebhookSubscription>(app, call).await?;
    let account = call.known()?.caller.account.meta.id;
    if stored.record.account == account && !stored.record.is_removed() { Ok(stored) } else { Err(Problem::not_found()) }
}

/// How deliveries to these went, in their order.
async fn signs_of(
    store: &DynStore,
    organization: OrganizationId,
    subscriptions: &[Stored<WebhookSubscription>],
) -> Result<Vec<LaneSigns>, StoreError> {
    if subscriptions.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<_> = subscriptions.iter().map(|stored| stored.meta.id).collect();
    let known = DeliveryQueue::signs(store, organization, &ids).await?;
    let of = |id| known.iter().find(|(there, _)| *there == id).map(|(_, signs)| *signs).unwrap_or_default();
    Ok(ids.into_iter().map(of).collect())
}

/// A subscription, and how deliveries to it went.
type WithSigns = (Stored<WebhookSubscription>, LaneSigns);

async fn with_signs(app: &App, stored: Stored<WebhookSubscription>) -> Result<WithSigns, Problem> {
    let store = &*app.services.store;
    let signs = signs_of(store, stored.meta.organization, std::slice::from_ref(&stored)).await?;
    Ok((stored, signs.first().copied().unwrap_or_default()))
}

/// The answer of a command that leaves this.
fn answer(status: StatusCode, (stored, signs): &WithSigns) -> Reply {
    Reply::record(status, WebhookSubscription::SINGULAR, &shape_with(stored, *signs)).revision(stored.meta.revision)
}

/// The same where it made a secret, which is shown here and never again.
fn answer_with_secret(status: StatusCode, (stored, signs): &WithSigns, secret: &WebhookSecret) -> Reply {
    let secret = secret.show();
    let shape = SubscriptionShape { secret: Some(&secret), ..shape_with(stored, *signs) };
    Reply::record(status, WebhookSubscription::SINGULAR, &shape).revision(stored.meta.revision).confidential()
}

/// What commands are decided with.
pub(crate) fn desk<'a>(desk: &'a findings::Desk<'_>) -> webhooks::Desk<'a> {
    webhooks::Desk { entropy: desk.entropy, attribution: desk.attribution, reason: Some(desk.reason) }
}

/// The batches of a stream, with how deliveries went.
struct BatchesWithSigns {
    inner: Box<dyn Batches<Stored<WebhookSubscription>>>,
    store: Arc<DynStore>,
    organization: OrganizationId,
}

#[async_trait]
impl Batches<WithSigns> for BatchesWithSigns {
    async fn next(&mut self) -> Result<Option<Vec<WithSigns>>, StoreError> {
        let Some(batch) = self.inner.next().await? else { return Ok(None) };
        let signs = signs_of(&*self.store, self.organization, &batch).await?;
        Ok(Some(batch.into_iter().zip(signs).collect()))
    }
}

pub(crate) fn list<'a>(app: &'a App, call: &'a Call) -> BoxFuture<'a, Result<Reply, Problem>> {
    Box::pin(async move {
        let mut query = Query::parse(call.query());
        let account = call.known()?.caller.account.meta.id;
        let filter = SubscriptionFilter { account: Some(account), ..WebhookSubscription::filter(&mut query) };
        let walk = Walk::start(app, call, &mut query)?;
        let store = &app.services.store;
        let write = |(stored, signs): &WithSigns, into: &mut Vec<u8>| write_json(into, &shape_with(stored, *signs));
        if call.format == Format::Lines {
            let place = streams::take_place(app, call)?;
            let Streamed { batches, as_of } =
                Reader::<WebhookSubscription>::stream(&**store, walk.organization, &filter, &walk.whole()).await?;
            let batches =
                BatchesWithSigns { inner: batches, store: Arc::clone(store), organization: walk.organization };
            return streams::reply(app, call, place, Streamed { batches: Box::new(batches), as_of }, write);
        }
        let page = Reader::<WebhookSubscription>::list(&**store, walk.organization, &filter, &walk.page).await?;
        let signs = signs_of(&**store, walk.organization, &page.items).await?;
        let Page { items, next, as_of } = page;
        let page = Page { items: items.into_iter().zip(signs).collect(), next, as_of };
        Ok(walk.reply(app, WebhookSubscription::PLURAL, &page, write))
    })
}

/// How deliveries went changes without the revision, so no tag says that a client has it all.
pub(crate) fn get<'a>(app: &'a App, call: &'a Call) -> BoxFuture<'a, Result<Reply, Problem>> {
    Box::pin(async move {
        Query::parse(call.query()).finish()?;
        let shown = with_signs(app, own(app, call).await?).await?;
        Ok(answer(StatusCode::OK, &shown).about(Subject::of(shown.0.meta.id)))
    })
}

pub(crate) fn get_document() -> Document {
    Document { errors: &[400, 404], ..view::get_document::<WebhookSubscription>() }
}

/// What is answered by what makes a secret.
fn media_with_secret() -> Media {
    let mut media = record_media::<WebhookSubscription>();
    media.example[WebhookSubscription::SINGULAR]["secret"] = json!("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD…");
    media
}
