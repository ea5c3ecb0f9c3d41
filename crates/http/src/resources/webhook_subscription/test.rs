//! `POST /webhooks/subscriptions/{subscriptionId}/test`: makes one attempt and returns its result.

use std::{sync::OnceLock, time::Duration};

use async_trait::async_trait;
use auth::Caller;
use axum::http::StatusCode;
use findings::WriteContext;
use futures_util::future::BoxFuture;
use kernel::{Changeset, Id, Kind, OutboxEvent, Reason, Stored, Timestamp, WriteTimestamp};
use serde_json::json;
use webhooks::{
    Attempt, AttemptFailure, AttemptOutcome, EncryptedSecret, Message, TEST_EVENT, WebhookDelivery,
    WebhookSubscription, record_test,
};

use super::{desk, own, shape_with, with_signs};
use crate::{
    app::App,
    body::Object,
    call::Call,
    notices::Head,
    operation::{Document, Media},
    problem::Problem,
    reply::Reply,
    view::{View, record_media},
    write::{Command, carry_out},
};

/// The command that sends a test event.
pub(crate) struct Test {
    reason: Reason,
    /// The attempt, which is made only once, even if storing it must be repeated.
    made: OnceLock<Made>,
}

/// A test event with its attempt.
struct Made {
    event: OutboxEvent,
    attempt: Attempt,
    ended: Timestamp,
}

impl Test {
    fn read(object: &mut Object<'_>) -> Option<Self> {
        Some(Self { reason: object.reason()?, made: OnceLock::new() })
    }
}

#[async_trait]
impl Command for Test {
    type Done = Stored<WebhookDelivery>;

    fn reason(&self) -> &Reason {
        &self.reason
    }

    /// Sends the event before the write is in flight, because an endpoint may be slow.
    async fn prepare(&self, app: &App, request: &Call) -> Result<(), Problem> {
        let (services, tenant) = (&app.services, &request.known()?.cached.tenant);
        let (subscription, health) = with_signs(app, own(app, request).await?).await?;
        let at = services.clock.now();
        let id = Id::new(services.entropy.ulid(at));
        let data = json!({ WebhookSubscription::SINGULAR: shape_with(&subscription, health) });
        let body = Head { id, happened: TEST_EVENT, created_at: at, tenant }.with(&data);
        let event = OutboxEvent {
            id,
            organization: tenant.id,
            name: TEST_EVENT,
            subject: (Kind::WebhookSubscription, subscription.meta.ulid()),
            revision: subscription.meta.revision,
            created_at: at,
            body,
        };
        let outcome = send(app, &subscription, &event).await;
        let sent = Made { event, attempt: Attempt { at, outcome }, ended: services.clock.now() };
        // `prepare` is called only once, so the cell is empty.
        self.made.set(sent).map_err(|_| Problem::internal())
    }

    async fn decide(
        &self,
        app: &App,
        request: &Call,
        _: &Caller,
        context: &WriteContext<'_>,
        timestamp: WriteTimestamp,
    ) -> Result<(Changeset, Self::Done), Problem> {
        let Made { event, attempt, ended } = self.made.get().ok_or_else(Problem::internal)?;
        let current = own(app, request).await?;
        Ok(record_test(&desk(context), timestamp, &current, event.clone(), attempt.clone(), *ended))
    }

    fn answer(&self, output: &Self::Done) -> Reply {
        Reply::record(StatusCode::OK, WebhookDelivery::SINGULAR, &WebhookDelivery::shape(output))
    }
}

/// Signs and sends the event, and returns the outcome.
async fn send(app: &App, subscription: &Stored<WebhookSubscription>, event: &OutboxEvent) -> AttemptOutcome {
    let at = event.created_at;
    let secrets: Vec<&EncryptedSecret> = subscription.record.live_secrets(at).collect();
    let content = Message::signed_content(event.id, at, &event.body);
    match app.services.webhook_secrets.sign(subscription.meta.id, &secrets, &content) {
        Some(signature) => {
            let message = Message { id: event.id, timestamp: at.seconds(), signature, body: event.body.clone() };
            app.services.sender.send(&subscription.record.url, message).await
        }
        None => AttemptOutcome {
            duration: Duration::ZERO,
            status: None,
            response_body: None,
            failure: Some(AttemptFailure::Unsigned),
            retry_after: None,
        },
    }
}

pub(crate) fn test<'a>(app: &'a App, request: &'a Call) -> BoxFuture<'a, Result<Reply, Problem>> {
    Box::pin(async move {
        request.path_id::<WebhookSubscription>()?;
        carry_out(app, request, Test::read).await
    })
}

pub(crate) fn document() -> Document {
    Document {
        query: Vec::new(),
        request: Some(Media {
            schema: Object::describe(Test::read),
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
