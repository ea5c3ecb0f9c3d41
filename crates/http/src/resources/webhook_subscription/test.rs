//! `POST /webhooks/subscriptions/{subscriptionId}/test`: one attempt, made before it is answered.

use std::{sync::OnceLock, time::Duration};

use async_trait::async_trait;
use auth::Caller;
use axum::http::StatusCode;
use findings::Desk;
use futures_util::future::BoxFuture;
use kernel::{Changeset, Id, Kind, OutboxEvent, Reason, Stamp, Stored, Timestamp};
use serde_json::json;
use webhooks::{
    Attempt, Failure, Message, Outcome, SealedSecret, TEST_EVENT, WebhookDelivery, WebhookSubscription, tested,
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

pub(crate) struct Test {
    reason: Reason,
    /// What came of it, which is found out once however often it must be stored.
    made: OnceLock<Made>,
}

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

    /// Before the write is in flight, since an endpoint may take its time.
    async fn prepare(&self, app: &App, call: &Call) -> Result<(), Problem> {
        let (services, tenant) = (&app.services, &call.known()?.cached.tenant);
        let (subscription, signs) = with_signs(app, own(app, call).await?).await?;
        let at = services.clock.now();
        let id = Id::new(services.entropy.ulid(at));
        let data = json!({ WebhookSubscription::SINGULAR: shape_with(&subscription, signs) });
        let body = Head { id, happened: TEST_EVENT, created_at: at, tenant }.with(&data);
        let event = OutboxEvent {
            id,
            organization: tenant.organization,
            name: TEST_EVENT,
            subject: (Kind::WebhookSubscription, subscription.meta.ulid()),
            revision: subscription.meta.revision,
            created_at: at,
            body,
        };
        let outcome = send(app, &subscription, &event).await;
        let made = Made { event, attempt: Attempt { at, outcome }, ended: services.clock.now() };
        // It is prepared once.
        self.made.set(made).map_err(|_| Problem::internal())
    }

    async fn decide(
        &self,
        app: &App,
        call: &Call,
        _: &Caller,
        desk_of: &Desk<'_>,
        stamp: Stamp,
    ) -> Result<(Changeset, Self::Done), Problem> {
        let Made { event, attempt, ended } = self.made.get().ok_or_else(Problem::internal)?;
        let present = own(app, call).await?;
        Ok(tested(&desk(desk_of), stamp, &present, event.clone(), attempt.clone(), *ended))
    }

    fn answer(&self, done: &Self::Done) -> Reply {
        Reply::record(StatusCode::OK, WebhookDelivery::SINGULAR, &WebhookDelivery::shape(done))
    }
}

async fn send(app: &App, subscription: &Stored<WebhookSubscription>, event: &OutboxEvent) -> Outcome {
    let at = event.created_at;
    let live: Vec<&SealedSecret> = subscription.record.live_secrets(at).collect();
    let content = Message::signed_content(event.id, at, &event.body);
    match app.services.webhook_secrets.sign(subscription.meta.id, &live, &content) {
        Some(signature) => {
            let message = Message { id: event.id, timestamp: at.seconds(), signature, body: event.body.clone() };
            app.services.sender.send(&subscription.record.url, message).await
        }
        None => Outcome {
            took: Duration::ZERO,
            status: None,
            answer: None,
            failure: Some(Failure::Unsigned),
            retry_after: None,
        },
    }
}

pub(crate) fn test<'a>(app: &'a App, call: &'a Call) -> BoxFuture<'a, Result<Reply, Problem>> {
    Box::pin(async move {
        call.path_id::<WebhookSubscription>()?;
        carry_out(app, call, Test::read).await
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
