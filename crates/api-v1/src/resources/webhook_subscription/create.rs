//! `POST /webhooks/subscriptions`.

use std::collections::BTreeSet;

use async_trait::async_trait;
use auth::Caller;
use axum::http::StatusCode;

use futures_util::future::BoxFuture;
use http_api::{
    App,
    endpoints::{Document, Media},
    handlers::{Command, execute},
    request::{ApiRequest, BodyReader, EnumSetReader, text},
    response::{ApiResponse, Problem},
};
use kernel::{Changeset, Id, Reason, WriteContext, WriteTimestamp};
use serde_json::json;
use webhooks::{AddressPolicy, DeliveryHealth, EventType, NewSubscription, WebhookSecret, subscribe};

use super::{
    SubscriptionWithHealth, endpoint_url::EndpointUrlReader, event_type_reader, media_with_secret,
    subscription_response_with_secret,
};
use crate::{errors::webhook_problem, view::with_location, webhook_services::WebhookServices};

/// The command that creates a subscription.
pub(crate) struct CreateSubscription {
    subscription: NewSubscription,
    reason: Reason,
}

impl CreateSubscription {
    fn read(object: &mut BodyReader<'_>, addresses: &AddressPolicy) -> Option<Self> {
        let url = object.required("url", EndpointUrlReader(addresses));
        let description = object.optional("description", text());
        let event_types = object.required("eventTypes", EnumSetReader(event_type_reader()));
        let reason = object.reason();
        let description = description.unwrap_or_default();
        let subscription = NewSubscription { url: url?, description, event_types: event_types? };
        Some(Self { subscription, reason: reason? })
    }
}

/// Checks that the caller itself may read these events. A token with fewer scopes than its account must not gain access
/// through a subscription, and must not cause deliveries that others take for new.
pub(crate) fn check_read_scopes(caller: &Caller, event_types: &BTreeSet<EventType>) -> Result<(), Problem> {
    event_types
        .iter()
        .try_for_each(|event| caller.require_scope(event.scope()).map_err(|_| Problem::forbidden(event.scope())))
}

#[async_trait]
impl Command for CreateSubscription {
    type Output = (SubscriptionWithHealth, WebhookSecret);

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
        check_read_scopes(caller, &self.subscription.event_types)?;
        let (services, account) = (&app.services, &*caller.account);
        let taken_slots = integrations::taken_slots(&*services.store, account).await?;
        let id = Id::new(services.entropy.ulid(timestamp.at()));
        let secret = WebhookSecret::generate(&*services.entropy);
        let encrypted = WebhookServices::of(request)?.endpoints.signer.encrypt(&*services.entropy, id, &secret);
        let (changeset, stored) =
            subscribe(context, timestamp, account, &taken_slots, id, encrypted, &self.subscription)
                .map_err(webhook_problem)?;
        Ok((changeset, ((stored, DeliveryHealth::default()), secret)))
    }

    fn response(&self, (subscription, secret): &Self::Output) -> ApiResponse {
        let location = format!("/api/v1/webhooks/subscriptions/{}", subscription.0.meta.id);
        with_location(&location, subscription_response_with_secret(StatusCode::CREATED, subscription, secret))
    }
}

pub(crate) fn post<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let webhooks = WebhookServices::of(request)?;
        execute(app, request, |object| CreateSubscription::read(object, &webhooks.endpoints.addresses)).await
    })
}

pub(crate) fn document() -> Document {
    Document {
        query: Vec::new(),
        request: Some(Media {
            schema: BodyReader::describe(|object| CreateSubscription::read(object, &AddressPolicy::default())),
            example: json!({
                "url": "https://mirror.cedar-valley.example/novantra",
                "description": "ServiceNow mirror",
                "eventTypes": ["finding.created", "finding.status_changed"],
                "reason": "Mirroring findings as incidents",
            }),
        }),
        status: 201,
        response: media_with_secret(),
        line: None,
        errors: &[400, 409, 413, 415, 422],
        codes: &[],
        response_headers: &["Location", "ETag", "Idempotent-Replayed"],
    }
}
