//! `POST /webhooks/subscriptions/{subscriptionId}/test`: makes one attempt and returns its result.

use std::sync::OnceLock;

use async_trait::async_trait;
use auth::Caller;
use axum::http::StatusCode;
use bytes::Bytes;

use futures_util::future::BoxFuture;
use http_api::{
    App,
    endpoints::{Document, Media},
    handlers::{Command, execute},
    request::{ApiRequest, BodyReader},
    response::{ApiResponse, Problem},
};
use integrations::{IntegrationError, SentTest, send_test_event};
use kernel::{
    Changeset, Id, OrganizationRef, OutboxEvent, Reason, Stored, Timestamp, Ulid, WriteContext, WriteTimestamp,
};
use serde_json::json;
use webhooks::{DeliveryHealth, TEST_EVENT, TestRenderer, WebhookDelivery, WebhookSubscription, record_test};

use super::{find_owned, to_dto_with_health, with_health};
use crate::{
    view::{View, record_media},
    webhook_payload::{Envelope, PayloadRenderer},
    webhook_services::WebhookServices,
};

/// The command that sends a test event.
pub(crate) struct TestSubscription {
    reason: Reason,
    /// The attempt, which is made only once, even if storing it must be repeated.
    sent: OnceLock<SentTest>,
}

impl TestRenderer for PayloadRenderer {
    fn render_test(
        &self,
        id: Id<OutboxEvent>,
        at: Timestamp,
        organization: &OrganizationRef,
        subscription: &Stored<WebhookSubscription>,
        health: DeliveryHealth,
    ) -> Bytes {
        let data = json!({ WebhookSubscription::SINGULAR: to_dto_with_health(subscription, health) });
        Envelope { id, event_type: TEST_EVENT, created_at: at, organization }.render(&data)
    }
}

impl TestSubscription {
    fn read(object: &mut BodyReader<'_>) -> Option<Self> {
        Some(Self { reason: object.reason()?, sent: OnceLock::new() })
    }
}

#[async_trait]
impl Command for TestSubscription {
    type Output = Stored<WebhookDelivery>;

    fn reason(&self) -> &Reason {
        &self.reason
    }

    const HAS_EARLY_EFFECT: bool = true;

    /// Sends the event before the write is in flight, because an endpoint may be slow.
    async fn take_effect(&self, app: &App, request: &ApiRequest, effect: Ulid) -> Result<(), Problem> {
        let (services, organization) = (&app.services, request.principal()?.organization_ref());
        let (subscription, health) = with_health(app, find_owned(app, request).await?).await?;
        let (endpoints, clock) = (&WebhookServices::of(request)?.endpoints, &*services.clock);
        let sent = send_test_event(endpoints, clock, organization, &subscription, health, Id::new(effect)).await;
        let sent = sent.map_err(|error| match error {
            IntegrationError::Store(error) => error.into(),
            error => Problem::unprocessable(error.to_string()),
        })?;
        // `take_effect` is called only once, so the cell is empty.
        self.sent.set(sent).map_err(|_| Problem::internal())
    }

    async fn decide(
        &self,
        app: &App,
        request: &ApiRequest,
        _: &Caller,
        context: &WriteContext<'_>,
        timestamp: WriteTimestamp,
    ) -> Result<(Changeset, Self::Output), Problem> {
        let SentTest { url, event, attempt, ended_at } = self.sent.get().ok_or_else(Problem::internal)?;
        let current = find_owned(app, request).await?;
        Ok(record_test(context, timestamp, &current, url, event.clone(), attempt.clone(), *ended_at))
    }

    fn response(&self, output: &Self::Output) -> ApiResponse {
        ApiResponse::record(StatusCode::OK, WebhookDelivery::SINGULAR, &WebhookDelivery::to_dto(output))
    }
}

pub(crate) fn test<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        request.path_id::<WebhookSubscription>()?;
        execute(app, request, TestSubscription::read).await
    })
}

pub(crate) fn document() -> Document {
    Document {
        query: Vec::new(),
        request: Some(Media {
            schema: BodyReader::describe(TestSubscription::read),
            example: json!({ "reason": "Is anybody there?" }),
        }),
        status: 200,
        response: record_media::<WebhookDelivery>(),
        line: None,
        errors: &[400, 404, 409, 413, 415, 422],
        codes: &[],
        response_headers: &["Idempotent-Replayed"],
    }
}
