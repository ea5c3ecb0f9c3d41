//! `POST /webhooks/subscriptions/{subscriptionId}/rotate-secret`.

use std::time::Duration;

use async_trait::async_trait;
use auth::{Caller, ServiceAccount};
use axum::http::StatusCode;
use findings::WriteContext;
use futures_util::future::BoxFuture;
use kernel::{Changeset, Reason, WriteTimestamp};
use serde_json::json;
use webhooks::{WebhookSecret, WebhookSubscription};

use super::{WithSigns, answer_with_secret, desk, media_with_secret, own, with_signs};
use crate::{
    app::App,
    body::{Object, Seconds},
    call::Call,
    operation::{Document, Media},
    problem::Problem,
    reply::Reply,
    write::{Command, carry_out},
};

/// The default time for which deliveries are also signed with the previous secret.
const GRACE: Duration = Duration::from_secs(24 * 60 * 60);

/// The command that rotates the signing secret of a subscription.
pub(crate) struct Rotate {
    grace: Duration,
    reason: Reason,
}

impl Rotate {
    fn read(object: &mut Object<'_>) -> Option<Self> {
        let seconds = Seconds { most: ServiceAccount::MAX_GRACE.as_secs(), usual: GRACE.as_secs() };
        let grace = object.optional("graceSeconds", seconds);
        let reason = object.reason();
        Some(Self { grace: grace.unwrap_or(GRACE), reason: reason? })
    }
}

#[async_trait]
impl Command for Rotate {
    type Done = (WithSigns, WebhookSecret);

    fn reason(&self) -> &Reason {
        &self.reason
    }

    async fn decide(
        &self,
        app: &App,
        request: &Call,
        _: &Caller,
        context: &WriteContext<'_>,
        timestamp: WriteTimestamp,
    ) -> Result<(Changeset, Self::Done), Problem> {
        let current = own(app, request).await?;
        let services = &app.services;
        let secret = WebhookSecret::generate(&*services.entropy);
        let encrypted = services.webhook_secrets.encrypt(&*services.entropy, current.meta.id, &secret);
        let (changeset, stored) = webhooks::rotate_secret(&desk(context), timestamp, &current, encrypted, self.grace)?;
        Ok((changeset, (with_signs(app, stored).await?, secret)))
    }

    fn answer(&self, (subscription, secret): &Self::Done) -> Reply {
        answer_with_secret(StatusCode::OK, subscription, secret)
    }
}

pub(crate) fn rotate<'a>(app: &'a App, request: &'a Call) -> BoxFuture<'a, Result<Reply, Problem>> {
    Box::pin(async move {
        request.path_id::<WebhookSubscription>()?;
        carry_out(app, request, Rotate::read).await
    })
}

pub(crate) fn document() -> Document {
    Document {
        query: Vec::new(),
        request: Some(Media {
            schema: Object::describe(Rotate::read),
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
