//! `POST /webhooks/subscriptions/{subscriptionId}/rotate-secret`.

use std::time::Duration;

use async_trait::async_trait;
use auth::{Caller, ServiceAccount};
use axum::http::StatusCode;

use futures_util::future::BoxFuture;
use http_api::{
    App,
    endpoints::{Document, Media},
    handlers::{Command, execute},
    request::{ApiRequest, BodyReader, SecondsReader},
    response::{ApiResponse, Problem},
};
use kernel::{Changeset, Reason, WriteContext, WriteTimestamp};
use serde_json::json;
use webhooks::{WebhookSecret, WebhookSubscription};

use super::{
    SubscriptionWithHealth, create::check_read_scopes, find_owned, media_with_secret,
    subscription_response_with_secret, with_health,
};
use crate::{errors::webhook_problem, webhook_services::WebhookServices};

/// The default time for which deliveries are also signed with the previous secret.
const DEFAULT_GRACE: Duration = Duration::from_secs(24 * 60 * 60);

/// The command that rotates the signing secret of a subscription.
pub(crate) struct RotateSecret {
    grace: Duration,
    reason: Reason,
}

impl RotateSecret {
    fn read(object: &mut BodyReader<'_>) -> Option<Self> {
        let seconds = SecondsReader { max: ServiceAccount::MAX_GRACE.as_secs(), default: DEFAULT_GRACE.as_secs() };
        let grace = object.optional("graceSeconds", seconds);
        let reason = object.reason();
        Some(Self { grace: grace.unwrap_or(DEFAULT_GRACE), reason: reason? })
    }
}

#[async_trait]
impl Command for RotateSecret {
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
        let current = find_owned(app, request).await?;
        // Whoever has the secret can forge these events.
        check_read_scopes(caller, &current.record.event_types)?;
        let services = &app.services;
        let secret = WebhookSecret::generate(&*services.entropy);
        let encrypted =
            WebhookServices::of(request)?.endpoints.signer.encrypt(&*services.entropy, current.meta.id, &secret);
        let (changeset, stored) =
            webhooks::rotate_secret(context, timestamp, &current, encrypted, self.grace).map_err(webhook_problem)?;
        Ok((changeset, (with_health(app, stored).await?, secret)))
    }

    fn response(&self, (subscription, secret): &Self::Output) -> ApiResponse {
        subscription_response_with_secret(StatusCode::OK, subscription, secret)
    }
}

pub(crate) fn rotate<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        request.path_id::<WebhookSubscription>()?;
        execute(app, request, RotateSecret::read).await
    })
}

pub(crate) fn document() -> Document {
    Document {
        query: Vec::new(),
        request: Some(Media {
            schema: BodyReader::describe(RotateSecret::read),
            example: json!({ "graceSeconds": 3600, "reason": "Yearly rotation" }),
        }),
        status: 200,
        response: media_with_secret(),
        line: None,
        errors: &[400, 404, 409, 413, 415, 422],
        codes: &[],
        response_headers: &["ETag", "Idempotent-Replayed"],
    }
}
