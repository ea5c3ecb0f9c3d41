//! `PATCH /webhooks/subscriptions/{subscriptionId}`.

use async_trait::async_trait;
use auth::Caller;
use axum::http::StatusCode;

use futures_util::future::BoxFuture;
use http_api::{
    App,
    endpoints::{Document, Media},
    handlers::{Command, execute},
    request::{ApiRequest, BodyReader, EnumSetReader, SentBack, text},
    response::{ApiResponse, Problem},
};
use kernel::{Changeset, Reason, WriteContext, WriteTimestamp};
use serde_json::json;
use webhooks::{AddressPolicy, SubscriptionPatch, SubscriptionStatus, WebhookSubscription, update};

use super::{
    SubscriptionWithHealth, create::check_read_scopes, endpoint_url::EndpointUrlReader, event_type_reader, find_owned,
    status_reader, subscription_response, to_dto_with_health, with_health,
};
use crate::{
    errors::webhook_problem,
    view::{View, record_media},
    webhook_services::WebhookServices,
};

/// The members that are no part of a revision: the health of the deliveries, which each of them changes, and the secret,
/// which only one response has.
const UNREVISIONED: &[&str] = &["lastDeliveryAt", "failingSince", "secret"];

/// The command that updates a subscription.
pub(crate) struct UpdateSubscription {
    change: SubscriptionPatch,
    reason: Reason,
    sent_back: SentBack,
}

impl UpdateSubscription {
    fn read(object: &mut BodyReader<'_>, addresses: &AddressPolicy) -> Option<Self> {
        let change = SubscriptionPatch {
            url: object.patch_required("url", EndpointUrlReader(addresses)),
            description: object.patch_required("description", text()),
            event_types: object.patch_required("eventTypes", EnumSetReader(event_type_reader())),
            active: object.patch_required("status", status_reader()).map(|status| status == SubscriptionStatus::Active),
        };
        let reason = object.reason_of_patch(change.is_empty());
        let sent_back = object.sent_back(WebhookSubscription::schema).except(UNREVISIONED);
        Some(Self { change, reason: reason?, sent_back })
    }
}

#[async_trait]
impl Command for UpdateSubscription {
    type Output = SubscriptionWithHealth;

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
    ) -> Result<(Changeset, SubscriptionWithHealth), Problem> {
        let current = find_owned(app, request).await?;
        request.check_if_match(current.meta.revision)?;
        let (current, health) = with_health(app, current).await?;
        self.sent_back.check(&to_dto_with_health(&current, health))?;
        let record = &current.record;
        let SubscriptionPatch { url, event_types, active, .. } = &self.change;
        // A request that changes the endpoint or the event types, or lets events flow again, needs the read scopes of all
        // event types itself.
        if url.as_ref().is_some_and(|url| *url != record.url)
            || event_types.as_ref().is_some_and(|event_types| *event_types != record.event_types)
            || (*active == Some(true) && !record.is_active())
        {
            check_read_scopes(caller, event_types.as_ref().unwrap_or(&current.record.event_types))?;
        }
        let (changeset, stored) =
            update(context, timestamp, &caller.account, &current, &self.change).map_err(webhook_problem)?;
        Ok((changeset, (stored, health)))
    }

    fn response(&self, output: &SubscriptionWithHealth) -> ApiResponse {
        subscription_response(StatusCode::OK, output)
    }
}

pub(crate) fn patch<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        request.path_id::<WebhookSubscription>()?;
        let webhooks = WebhookServices::of(request)?;
        execute(app, request, |object| UpdateSubscription::read(object, &webhooks.endpoints.addresses)).await
    })
}

pub(crate) fn document() -> Document {
    Document {
        query: Vec::new(),
        request: Some(Media {
            schema: BodyReader::describe(|object| UpdateSubscription::read(object, &AddressPolicy::default())),
            example: json!({ "status": "disabled", "reason": "The mirror is being moved" }),
        }),
        status: 200,
        response: record_media::<WebhookSubscription>(),
        line: None,
        errors: &[400, 404, 409, 412, 413, 415, 422],
        codes: &[],
        response_headers: &["ETag", "Idempotent-Replayed"],
    }
}
