//! `PATCH /webhooks/subscriptions/{subscriptionId}`.

use async_trait::async_trait;
use auth::Caller;
use axum::http::StatusCode;

use futures_util::future::BoxFuture;
use kernel::{Changeset, Reason, WriteContext, WriteTimestamp};
use serde_json::json;
use webhooks::{AddressPolicy, SubscriptionPatch, SubscriptionStatus, WebhookSubscription, update};

use super::{
    SubscriptionWithHealth, create::check_read_scopes, event_type_reader, find_owned, status_reader,
    subscription_response, with_health,
};
use crate::{
    app::App,
    body::{BodyReader, EndpointUrlReader, EnumSetReader, text},
    operation::{Document, Media},
    problem::{Issue, Problem},
    request::ApiRequest,
    response::ApiResponse,
    view::record_media,
    write::{Command, execute},
};

/// The command that updates a subscription.
pub(crate) struct UpdateSubscription {
    change: SubscriptionPatch,
    reason: Reason,
}

impl UpdateSubscription {
    fn read(object: &mut BodyReader<'_>, addresses: &AddressPolicy) -> Option<Self> {
        let change = SubscriptionPatch {
            url: object.patch_required("url", EndpointUrlReader(addresses)),
            description: object.patch_required("description", text()),
            event_types: object.patch_required("eventTypes", EnumSetReader(event_type_reader())),
            active: object.patch_required("status", status_reader()).map(|status| status == SubscriptionStatus::Active),
        };
        let is_valid = object.error_count() == 0;
        let reason = object.reason();
        if change.is_empty() && is_valid {
            object.error(Issue::new([], "at least one field besides the reason is required"));
        }
        Some(Self { change, reason: reason? })
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
        let SubscriptionPatch { url, event_types, .. } = &self.change;
        // A request that changes the endpoint or the event types needs the read scopes of all event types itself.
        if url.is_some() || event_types.is_some() {
            check_read_scopes(caller, event_types.as_ref().unwrap_or(&current.record.event_types))?;
        }
        let (changeset, stored) = update(context, timestamp, &caller.account, &current, &self.change)?;
        Ok((changeset, with_health(app, stored).await?))
    }

    fn response(&self, output: &SubscriptionWithHealth) -> ApiResponse {
        subscription_response(StatusCode::OK, output)
    }
}

pub(crate) fn patch<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        request.path_id::<WebhookSubscription>()?;
        execute(app, request, |object| UpdateSubscription::read(object, &app.services.webhook_addresses)).await
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
