//! `POST /webhooks/subscriptions/{subscriptionId}/test`: makes one attempt and returns its result.

use std::sync::OnceLock;

use async_trait::async_trait;
use auth::Caller;
use axum::http::StatusCode;

use futures_util::future::BoxFuture;
use http_api::{
    App,
    endpoints::{Document, Media},
    handlers::{Command, execute},
    request::{ApiRequest, BodyReader},
    response::{ApiResponse, Problem},
};
use kernel::{Changeset, Id, Kind, OutboxEvent, Reason, Stored, Timestamp, Ulid, WriteContext, WriteTimestamp};
use serde_json::json;
use webhooks::{Attempt, EndpointUrl, TEST_EVENT, WebhookDelivery, WebhookSubscription, record_test, sign_and_send};

use super::{find_owned, to_dto_with_health, with_health};
use crate::{
    view::{View, record_media},
    webhook_payload::Envelope,
    webhook_services::WebhookServices,
};

/// The command that sends a test event.
pub(crate) struct TestSubscription {
    reason: Reason,
    /// The attempt, which is made only once, even if storing it must be repeated.
    sent: OnceLock<SentTest>,
}

/// A test event with its attempt.
struct SentTest {
    url: EndpointUrl,
    event: OutboxEvent,
    attempt: Attempt,
    finished_at: Timestamp,
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
        let webhooks = WebhookServices::of(request)?;
        if webhooks.are_paused() {
            return Err(Problem::unprocessable(
                "webhooks are paused, because this installation is a copy of another one, whose endpoints would get the \
                 event: to resume them, the operator runs `novantra webhooks resume`",
            ));
        }
        let at = services.clock.now();
        let id = Id::new(effect);
        let data = json!({ WebhookSubscription::SINGULAR: to_dto_with_health(&subscription, health) });
        let body = Envelope { id, event_type: TEST_EVENT, created_at: at, organization }.render(&data);
        let event = OutboxEvent {
            id,
            organization: organization.id,
            name: TEST_EVENT,
            subject: (Kind::WebhookSubscription, subscription.meta.ulid()),
            revision: subscription.meta.revision,
            created_at: at,
            body,
        };
        let (signer, sender) = (&*webhooks.signer, &*webhooks.sender);
        let attempt = sign_and_send(signer, sender, &subscription, id, &event.body, at).await;
        let sent = SentTest { url: subscription.record.url, event, attempt, finished_at: services.clock.now() };
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
        let SentTest { url, event, attempt, finished_at } = self.sent.get().ok_or_else(Problem::internal)?;
        let current = find_owned(app, request).await?;
        Ok(record_test(context, timestamp, &current, url, event.clone(), attempt.clone(), *finished_at))
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
